/* SPDX-License-Identifier: MIT */
/* States of a delivery: name, text, where it may go. Every one may end. */
DELIVERY_STATE(QUEUED, "queued", TO(PLACED))
DELIVERY_STATE(PLACED, "placed", TO(VALIDATING) | TO(SENDING))
DELIVERY_STATE(VALIDATING, "validating", TO(SENDING))
DELIVERY_STATE(SENDING, "sending", TO(PAUSED))
DELIVERY_STATE(PAUSED, "paused", TO(QUEUED))
#undef DELIVERY_STATE

/* SPDX-License-Identifier: MIT */
/*
 * What holds of every request that a codec of the webpubsub plugin has accepted:
 * names, payloads and metadata keep their rules, and its message is written in
 * exactly the measured room, in JSON and in protobuf.
 */
#ifndef FUZZ_REQUEST_RULES_H
#define FUZZ_REQUEST_RULES_H

#include "plugins/webpubsub/request.h"

void request_rules_check(const struct request *request);

#endif

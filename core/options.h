/* SPDX-License-Identifier: MIT */
/*
 * The option rows of the core.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <wps/option.h>

extern const struct wps_option core_options[];
extern const struct wps_option core_hub_options[];

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The whole plugin ABI. Start with plugin.h and host.h; wps-plugin(7) tells the story.
 */
#ifndef WPS_H
#define WPS_H

#include <wps/abi.h>
#include <wps/auth.h>
#include <wps/command.h>
#include <wps/counter.h>
#include <wps/handshake.h>
#include <wps/host.h>
#include <wps/msg.h>
#include <wps/option.h>
#include <wps/plugin.h>
#include <wps/route.h>
#include <wps/span.h>
#include <wps/subprotocol.h>
#include <wps/upstream.h>

#endif

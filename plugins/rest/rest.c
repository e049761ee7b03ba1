/* SPDX-License-Identifier: MIT */
#include <wps/wps.h>

/* SPDX-License-Identifier: MIT */
#include "lib/pct.h"

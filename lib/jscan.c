/* SPDX-License-Identifier: MIT */
#include "lib/jscan.h"

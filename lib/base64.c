/* SPDX-License-Identifier: MIT */
#include "lib/base64.h"

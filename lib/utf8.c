/* SPDX-License-Identifier: MIT */
#include "lib/utf8.h"

/* SPDX-License-Identifier: MIT */
#include "lib/names.h"

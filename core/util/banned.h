/* SPDX-License-Identifier: MIT */
/*
 * Functions that are too easy to use wrongly: their use does not compile.
 * Forced into every file of the project by the build.
 */
#ifndef UTIL_BANNED_H
#define UTIL_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok
#pragma GCC poison atoi atol atoll localtime gmtime asctime ctime gets

#endif

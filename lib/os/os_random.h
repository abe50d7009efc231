/* SPDX-License-Identifier: MIT */
/*
 * Owns the process's secret. Called once, by the thread that starts the allocator.
 */
#ifndef HAK_OS_RANDOM_H
#define HAK_OS_RANDOM_H

#include "base/compiler.h"

/* 64 unpredictable bits from the kernel's AT_RANDOM bytes: no system call. `salt` tells uses apart.
 */
uint64_t hak_os_random(uint64_t salt);

#endif

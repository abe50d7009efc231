/* SPDX-License-Identifier: MIT */
/*
 * Owns what the kernel has counted of this process. Any thread may call; errno is kept.
 */
#ifndef HAK_OS_USAGE_H
#define HAK_OS_USAGE_H

#include "base/compiler.h"

/* Most memory that was resident at once, and page faults; 0 where that can't be had. */
void hak_os_usage(uint64_t *ret_peak_bytes, uint64_t *ret_faults);

#endif

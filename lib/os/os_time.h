/* SPDX-License-Identifier: MIT */
/*
 * Owns the clock. Callable by anyone; no system call where the kernel offers its clock page.
 */
#ifndef HAK_OS_TIME_H
#define HAK_OS_TIME_H

#include "base/compiler.h"

/* Milliseconds since some moment in the past; never goes back; some milliseconds coarse. */
uint64_t hak_os_now_ms(void);

void hak_os_sleep_ms(unsigned ms);

#endif

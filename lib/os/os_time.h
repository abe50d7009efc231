/* SPDX-License-Identifier: MIT */
/*
 * Owns the clocks. Callable by anyone. The first needs no system call where the kernel offers its
 * clock page.
 */
#ifndef HAK_OS_TIME_H
#define HAK_OS_TIME_H

#include "base/compiler.h"

/* Milliseconds since some moment in the past; never goes back; some milliseconds coarse. */
uint64_t hak_os_now_ms(void);

void hak_os_sleep_ms(unsigned ms);

/* The same in nanoseconds, and exact. */
uint64_t hak_os_now_ns(void);

/* Processor time of the calling thread. */
uint64_t hak_os_thread_ns(void);

#endif

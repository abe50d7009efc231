/* SPDX-License-Identifier: MIT */
/*
 * Owns the clocks. Callable by anyone. Telling the time needs no system call where the kernel
 * offers its clock page; processor time does.
 */
#ifndef HAK_OS_TIME_H
#define HAK_OS_TIME_H

#include "base/compiler.h"

/* Milliseconds since some moment in the past; never goes back; some milliseconds coarse. */
uint64_t hak_os_now_ms(void);

/* Nanoseconds since some moment in the past; never goes back; exact. */
uint64_t hak_os_now_ns(void);

void hak_os_sleep_ms(unsigned ms);

/* Processor time of the calling thread. */
uint64_t hak_os_thread_ns(void);

#endif

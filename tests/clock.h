/* SPDX-License-Identifier: MIT */
/*
 * Owns the coarse clock, by which the library goes, when a test says what time it is: clock_gettime
 * of this program, which the library is bound to as well. It stands still but for what it is told.
 * Any thread may call.
 */
#ifndef TESTS_CLOCK_H
#define TESTS_CLOCK_H

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_ulong clock_ahead_ms;

int clock_gettime(clockid_t clock, struct timespec *ret_now) {
    if (clock != CLOCK_MONOTONIC_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, ret_now);
    unsigned long now_ms = 1000000 + atomic_load(&clock_ahead_ms);
    ret_now->tv_sec = (time_t)(now_ms / 1000);
    ret_now->tv_nsec = (long)(now_ms % 1000) * 1000000;
    return 0;
}

__attribute__((unused)) static void clock_pass_ms(unsigned long passed_ms) {
    atomic_fetch_add(&clock_ahead_ms, passed_ms);
}

#endif

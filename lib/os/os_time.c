/* SPDX-License-Identifier: MIT */
/*
 * Owns reading the clocks: the coarse one, which is a few loads, is the common one. Stateless.
 */
#define _GNU_SOURCE
#include "os/os_time.h"

#include "os/os_call.h"

#include <errno.h>
#include <time.h>

static struct timespec read_clock(clockid_t clock) {
    struct timespec now = {0, 0};
    int saved_errno = errno;
    clock_gettime(clock, &now);
    errno = saved_errno;
    return now;
}

static uint64_t ns_of(struct timespec time) {
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t hak_os_now_ms(void) {
    struct timespec now = read_clock(CLOCK_MONOTONIC_COARSE);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t hak_os_now_ns(void) {
    return ns_of(read_clock(CLOCK_MONOTONIC));
}

void hak_os_sleep_ms(unsigned ms) {
    int saved_errno = errno;
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
    hak_os_raw_sleep(&pause);
    errno = saved_errno;
}

uint64_t hak_os_thread_ns(void) {
    return ns_of(read_clock(CLOCK_THREAD_CPUTIME_ID));
}

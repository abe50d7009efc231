/* SPDX-License-Identifier: MIT */
/*
 * Owns reading the clocks: the coarse one, which is a few loads, is the common one. Stateless.
 */
#define _GNU_SOURCE
#include "os/os_time.h"

#include <errno.h>
#include <time.h>

uint64_t hak_os_now_ms(void) {
    struct timespec now = {0, 0};
    int saved_errno = errno;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    errno = saved_errno;
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void hak_os_sleep_ms(unsigned ms) {
    int saved_errno = errno;
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
    errno = saved_errno;
}

uint64_t hak_os_thread_ns(void) {
    struct timespec now = {0, 0};
    int saved_errno = errno;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    errno = saved_errno;
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the two futex calls. Included by os/ alone; any thread may call. errno is kept.
 */
#ifndef HAK_OS_FUTEX_H
#define HAK_OS_FUTEX_H

#include "base/compiler.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleeps while the word is `seen`, but no longer than that. May wake up for no reason. */
HAK_INLINE void hak_os_futex_wait(_Atomic uint32_t *word, uint32_t seen, unsigned most_ms) {
    const struct timespec most = {most_ms / 1000, most_ms % 1000 * 1000000L};
    int saved_errno = errno;
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, &most, NULL, 0);
    errno = saved_errno;
}

/* Wakes so many threads that sleep on the word, at most. */
HAK_INLINE void hak_os_futex_wake(_Atomic uint32_t *word, int most) {
    int saved_errno = errno;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
    errno = saved_errno;
}

#endif

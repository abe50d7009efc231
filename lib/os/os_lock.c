/* SPDX-License-Identifier: MIT */
/*
 * Owns the sleeping and waking of lock waiters (Drepper, "Futexes are tricky", mutex 2). Any thread
 * may call. Invariant: whoever sleeps has set state 2, so the holder knows that it must wake.
 */
#define _GNU_SOURCE
#include "os/os_lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void hak_lock_take_slow(struct hak_lock *lock) {
    int saved_errno = errno;
    /* acquire pairs with the release in hak_lock_give */
    while (atomic_exchange_explicit(&lock->state, 2, memory_order_acquire) != 0)
        syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
    errno = saved_errno;
}

void hak_lock_wake(struct hak_lock *lock) {
    int saved_errno = errno;
    syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved_errno;
}

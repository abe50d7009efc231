/* SPDX-License-Identifier: MIT */
/*
 * Owns the sleeping and waking of lock waiters (after Drepper, "Futexes are tricky", mutex 2). Any
 * thread may call. Invariant: whoever sleeps has seen HAK_LOCK_WAITED in the word, and whoever
 * takes the lock after waiting leaves it there, since others may still sleep.
 */
#define _GNU_SOURCE
#include "os/os_lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Takes a free lock, or marks a held one; true: taken. */
static bool take_or_mark(struct hak_lock *lock, uint32_t *ret_seen) {
    uint32_t seen = atomic_load_explicit(&lock->word, memory_order_relaxed);
    uint32_t wanted = (seen ? seen : hak_lock_name()) | HAK_LOCK_WAITED;
    *ret_seen = wanted;
    if (seen == wanted)
        return false;
    /* acquire pairs with the release in hak_lock_give */
    bool done = atomic_compare_exchange_strong_explicit(&lock->word, &seen, wanted,
                                                        memory_order_acquire, memory_order_relaxed);
    if (!done)
        *ret_seen = 0; /* it changed meanwhile: look again without sleeping */
    return done && (wanted & ~HAK_LOCK_WAITED) == hak_lock_name();
}

void hak_lock_take_slow(struct hak_lock *lock) {
    int saved_errno = errno;
    uint32_t seen;
    while (!take_or_mark(lock, &seen))
        if (seen)
            syscall(SYS_futex, &lock->word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    errno = saved_errno;
}

void hak_lock_wake(struct hak_lock *lock) {
    int saved_errno = errno;
    syscall(SYS_futex, &lock->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved_errno;
}

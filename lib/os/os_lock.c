/* SPDX-License-Identifier: MIT */
/*
 * Owns the sleeping and waking of lock waiters (after Drepper, "Futexes are tricky", mutex 2). Any
 * thread may call. Invariant: whoever sleeps has seen HAK_LOCK_WAITED in the word, and whoever
 * takes the lock after waiting leaves it there, since others may still sleep.
 */
#define _GNU_SOURCE
#include "os/os_lock.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Takes a free lock, or marks a held one; true: taken. seq_cst: see hak_lock_give. */
static bool take_or_mark(struct hak_lock *lock, uint32_t *ret_seen) {
    uint32_t seen = atomic_load_explicit(&lock->word, memory_order_seq_cst);
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

static void sleep_on(_Atomic uint32_t *word, uint32_t seen) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void wait_and_take(struct hak_lock *lock, bool is_urgent) {
    uint32_t seen, urgent;
    for (;;) {
        while (!is_urgent && (urgent = atomic_load_explicit(&lock->urgent, memory_order_relaxed)))
            sleep_on(&lock->urgent, urgent);
        if (take_or_mark(lock, &seen))
            return;
        if (seen)
            sleep_on(&lock->word, seen);
    }
}

void hak_lock_take_slow(struct hak_lock *lock) {
    int saved_errno = errno;
    wait_and_take(lock, false);
    errno = saved_errno;
}

/* Not below 0: a signal handler that forked in between has set it to 0 in the child. */
static uint32_t drop_urgent(struct hak_lock *lock) {
    uint32_t urgent = atomic_load_explicit(&lock->urgent, memory_order_relaxed);
    while (urgent &&
           !atomic_compare_exchange_weak_explicit(&lock->urgent, &urgent, urgent - 1,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
    return urgent ? urgent - 1 : 0;
}

void hak_lock_take_urgently(struct hak_lock *lock) {
    int saved_errno = errno;
    /* seq_cst: see hak_lock_give */
    atomic_fetch_add_explicit(&lock->urgent, 1, memory_order_seq_cst);
    wait_and_take(lock, true);
    if (drop_urgent(lock) == 0)
        syscall(SYS_futex, &lock->urgent, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    errno = saved_errno;
}

void hak_lock_forget_waiters(struct hak_lock *lock) {
    atomic_store_explicit(&lock->urgent, 0, memory_order_relaxed);
}

/* One waiter, or all if one of them is urgent: the others would only go on waiting for it. */
void hak_lock_wake(struct hak_lock *lock) {
    int saved_errno = errno;
    int count = atomic_load_explicit(&lock->urgent, memory_order_seq_cst) ? INT_MAX : 1;
    syscall(SYS_futex, &lock->word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
    errno = saved_errno;
}

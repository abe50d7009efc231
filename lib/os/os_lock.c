/* SPDX-License-Identifier: MIT */
/*
 * Owns the sleeping and waking of lock waiters (after Drepper, "Futexes are tricky", mutex 2). Any
 * thread may call. Invariant: whoever sleeps has seen HAK_LOCK_WAITED in the word, and whoever
 * takes the lock after waiting leaves it there, since others may still sleep.
 */
#define _GNU_SOURCE
#include "os/os_lock.h"

#include "os/os_futex.h"

#include <limits.h>

#define HAK_LOOK_MS 1000 /* long for a section, short for a user who waits */
#define HAK_WAIT_MS 100  /* the same; a fork's child waits for nobody longer than that */

void (*hak_lock_before_give)(void) HAK_SEALED = NULL;

/* Takes a free lock, or marks a held one; true: taken. relaxed: only the word itself is read. */
static bool take_or_mark(struct hak_lock *lock, uint32_t *ret_seen) {
    uint32_t seen = atomic_load_explicit(&lock->word, memory_order_relaxed);
    uint32_t wanted = (seen ? seen : hak_thread_name()) | HAK_LOCK_WAITED;
    *ret_seen = wanted;
    if (seen == wanted)
        return false;
    /* acquire pairs with the release in hak_lock_release */
    bool done = atomic_compare_exchange_strong_explicit(&lock->word, &seen, wanted,
                                                        memory_order_acquire, memory_order_relaxed);
    if (!done)
        *ret_seen = 0; /* it changed meanwhile: look again without sleeping */
    return done && (wanted & ~HAK_LOCK_WAITED) == hak_thread_name();
}

/*
 * A signal handler may fork while its thread sleeps here, and the kernel puts the child back to
 * sleep. Without fork()'s handlers the child has not recovered: it wakes up by itself and looks.
 */
void hak_lock_take_slow(struct hak_lock *lock) {
    uint32_t seen;
    for (;;) {
        hak_os_fork_look();
        if (take_or_mark(lock, &seen))
            return;
        if (seen)
            hak_os_futex_wait(&lock->word, seen, HAK_LOOK_MS);
    }
}

void hak_lock_wake(struct hak_lock *lock) {
    hak_os_futex_wake(&lock->word, 1);
}

/* A younger thread may have the stack of one that is not here, and its name with it. */
enum hak_lock_holder hak_lock_find_holder(const struct hak_lock *lock, bool has_forked) {
    if (atomic_load_explicit(&lock->word, memory_order_relaxed) == 0)
        return HAK_LOCK_FREE;
    return has_forked && hak_lock_is_mine(lock) ? HAK_LOCK_MINE : HAK_LOCK_LOST;
}

void hak_lock_free_lost(struct hak_lock *lock) {
    /* release pairs with the acquire in hak_lock_take: what was recovered is seen */
    atomic_store_explicit(&lock->word, 0, memory_order_release);
}

void hak_os_wait(_Atomic uint32_t *word, uint32_t seen) {
    hak_os_futex_wait(word, seen, HAK_WAIT_MS);
}

void hak_os_wake_all(_Atomic uint32_t *word) {
    hak_os_futex_wake(word, INT_MAX);
}

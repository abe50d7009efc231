/* SPDX-License-Identifier: MIT */
/*
 * Owns the lock of the slow paths: one futex word that says who holds it. A waiter sleeps, it never
 * spins on a holder that may be off the processor. Nothing holds one across a system call that can
 * block. The holder's name is part of the word, so there is no moment at which a thread that is
 * interrupted by a signal holds the lock and doesn't know it.
 */
#ifndef HAK_OS_LOCK_H
#define HAK_OS_LOCK_H

#include "base/compiler.h"

#include <stdatomic.h>

struct hak_lock {
    _Atomic uint32_t word;   /* 0: free; else the holder's name, and HAK_LOCK_WAITED */
    _Atomic uint32_t urgent; /* threads that the others let go first */
};

#define HAK_LOCK_WAITED 1u

/* Thread pointers are pages apart: names differ within 4 TiB, and all stacks lie closer together. A
 * fork's child keeps the name. */
HAK_INLINE uint32_t hak_lock_name(void) {
    return (uint32_t)(hak_thread_pointer() >> 12 << 2) | 2u;
}

void hak_lock_take_slow(struct hak_lock *lock);
void hak_lock_wake(struct hak_lock *lock);

HAK_INLINE void hak_lock_take(struct hak_lock *lock) {
    uint32_t free_word = 0;
    /* relaxed: who doesn't see it yet is before it. acquire pairs with the release in
     * hak_lock_give */
    if (HAK_UNLIKELY(atomic_load_explicit(&lock->urgent, memory_order_relaxed) != 0 ||
                     !atomic_compare_exchange_strong_explicit(&lock->word, &free_word,
                                                              hak_lock_name(), memory_order_acquire,
                                                              memory_order_relaxed)))
        hak_lock_take_slow(lock);
}

/* Takes it before all who wait: for fork, which may not be late. */
void hak_lock_take_urgently(struct hak_lock *lock);

/* In a fork's child, where nobody waits. The holder calls. */
void hak_lock_forget_waiters(struct hak_lock *lock);

HAK_INLINE void hak_lock_give(struct hak_lock *lock) {
    /* release pairs with the acquire in hak_lock_take; seq_cst: comes before the look at `urgent`
     * in hak_lock_wake, as there `urgent` rises before the look at the word */
    uint32_t old = atomic_exchange_explicit(&lock->word, 0, memory_order_seq_cst);
    if (HAK_UNLIKELY(old & HAK_LOCK_WAITED))
        hak_lock_wake(lock);
}

/* True only for the holder itself: nobody else can have stored this thread's name. */
HAK_INLINE bool hak_lock_is_mine(struct hak_lock *lock) {
    uint32_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
    return (word & ~HAK_LOCK_WAITED) == hak_lock_name();
}

#endif

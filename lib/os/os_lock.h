/* SPDX-License-Identifier: MIT */
/*
 * Owns the lock of the slow paths: a futex word and the thread that holds it. A waiter sleeps, it
 * never spins on a holder that may be off the processor. Nothing holds one across a system call
 * that can block (futex wake excepted). The owner is a thread pointer, which a fork's child keeps.
 */
#ifndef HAK_OS_LOCK_H
#define HAK_OS_LOCK_H

#include "base/compiler.h"

#include <stdatomic.h>

struct hak_lock {
    _Atomic uint32_t state;   /* 0 free, 1 held, 2 held and waited for */
    _Atomic(uintptr_t) owner; /* thread pointer of the holder; only compared with one's own */
};

void hak_lock_take_slow(struct hak_lock *lock);
void hak_lock_wake(struct hak_lock *lock);

HAK_INLINE void hak_lock_take(struct hak_lock *lock) {
    uint32_t free_state = 0;
    /* acquire pairs with the release in hak_lock_give */
    if (HAK_UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &lock->state, &free_state, 1, memory_order_acquire, memory_order_relaxed)))
        hak_lock_take_slow(lock);
    atomic_store_explicit(&lock->owner, hak_thread_pointer(), memory_order_relaxed);
}

HAK_INLINE void hak_lock_give(struct hak_lock *lock) {
    atomic_store_explicit(&lock->owner, 0, memory_order_relaxed);
    /* release pairs with the acquire in hak_lock_take */
    if (HAK_UNLIKELY(atomic_exchange_explicit(&lock->state, 0, memory_order_release) == 2))
        hak_lock_wake(lock);
}

/* True only for the holder itself: nobody else can have stored this thread's pointer. */
HAK_INLINE bool hak_lock_is_mine(struct hak_lock *lock) {
    return atomic_load_explicit(&lock->owner, memory_order_relaxed) == hak_thread_pointer();
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the lock of the slow paths: one futex word that says who holds it. A waiter sleeps, it never
 * spins on a holder that may be off the processor. Nothing holds one across a system call that can
 * block. The holder's name is part of the word, so there is no moment at which a thread that is
 * interrupted by a signal holds the lock and doesn't know it.
 *
 * Fork takes no lock, so a child may find one held by a thread that it doesn't have. Before it
 * takes a lock it recovers (os/os_fork.h): no thread of it sleeps on such a holder.
 */
#ifndef HAK_OS_LOCK_H
#define HAK_OS_LOCK_H

#include "os/os_fork.h"

struct hak_lock {
    _Atomic uint32_t word; /* 0: free; else the holder's name, and HAK_LOCK_WAITED */
};

#define HAK_LOCK_WAITED 1u

/* Called by the holder of any lock just before it gives it; NULL: nothing is to be done. Set at the
 * start of the process. */
extern void (*hak_lock_before_give)(void) HAK_SEALED;

void hak_lock_take_slow(struct hak_lock *lock);
void hak_lock_wake(struct hak_lock *lock);

HAK_INLINE void hak_lock_take(struct hak_lock *lock) {
    uint32_t free_word = 0;
    hak_os_fork_look();
    /* acquire pairs with the release in hak_lock_release */
    if (HAK_UNLIKELY(
            !atomic_compare_exchange_strong_explicit(&lock->word, &free_word, hak_thread_name(),
                                                     memory_order_acquire, memory_order_relaxed)))
        hak_lock_take_slow(lock);
}

HAK_INLINE void hak_lock_release(struct hak_lock *lock) {
    if (HAK_UNLIKELY(hak_lock_before_give != NULL))
        hak_lock_before_give();
    /* release pairs with the acquire in hak_lock_take */
    uint32_t old = atomic_exchange_explicit(&lock->word, 0, memory_order_release);
    if (HAK_UNLIKELY(old & HAK_LOCK_WAITED))
        hak_lock_wake(lock);
}

/* Sleeps until hak_os_wake_all(word), unless the word isn't `seen` any more; a tenth of a second at
 * most, and perhaps for no reason. */
void hak_os_wait(_Atomic uint32_t *word, uint32_t seen);
void hak_os_wake_all(_Atomic uint32_t *word);

/* True only for the holder itself: nobody else can have stored this thread's name. */
HAK_INLINE bool hak_lock_is_mine(const struct hak_lock *lock) {
    uint32_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
    return (word & ~HAK_LOCK_WAITED) == hak_thread_name();
}

/*
 * In a fork's child, before anybody takes the lock: who held it when the parent was copied? What a
 * free lock protects is complete, since the copy has all stores of a thread up to some point of its
 * program, and none behind it. What a lock protects that is lost, held by a thread that is not
 * here, may be half written: the caller makes it anew, and frees the lock. If the caller has
 * forked, in a signal handler, and holds it itself, the section goes on in both processes.
 */
enum hak_lock_holder { HAK_LOCK_FREE, HAK_LOCK_MINE, HAK_LOCK_LOST };
enum hak_lock_holder hak_lock_find_holder(const struct hak_lock *lock, bool has_forked);
void hak_lock_free_lost(struct hak_lock *lock);

#endif

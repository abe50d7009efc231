/* SPDX-License-Identifier: MIT */
/*
 * Owns the mark by which a process finds that it is a fork's child, however it was made: a word on
 * a page that the kernel clears in every child with an address space of its own (MADV_WIPEONFORK).
 * No fork handler has to run first, and vfork's child, which shares the parent's memory, is none.
 *
 * Whoever is first to look in a child recovers, once; other threads wait until that is done. Where
 * the kernel refuses to clear the page, one that children lack altogether (MADV_DONTFORK) is asked
 * for instead, at the price of a system call a look; where it refuses that, too, only the handler
 * that fork() calls notices a child, and one that was made in another way may wait for ever.
 */
#ifndef HAK_OS_FORK_H
#define HAK_OS_FORK_H

#include "base/compiler.h"

#include <stdatomic.h>

enum { HAK_FORK_UNSEEN = 0, HAK_FORK_SEEN = 1 }; /* else the name of the thread that recovers */

extern _Atomic uint32_t *hak_fork_mark HAK_SEALED;

/* At the start of the process. `recover` is called in each child, by one of its threads, while no
 * other one gets past hak_os_fork_look. */
void hak_os_fork_start(void (*recover)(void));

/* False: children go unnoticed, but for those that fork()'s handler sees. */
bool hak_os_fork_is_noticed(void);

/* In a child: recovers, unless that has happened or happens just now, by the caller. */
void hak_os_fork_attend(void);

/* The same in fork()'s handler, which knows that this is a child. */
void hak_os_fork_attend_child(void);

/* In a child: did the calling thread fork? It asks the kernel. */
bool hak_os_fork_is_first_thread(void);

/* True until the process has recovered. */
HAK_INLINE bool hak_os_fork_is_unseen(void) {
    /* acquire pairs with the release at the end of a recovery */
    return HAK_UNLIKELY(atomic_load_explicit(hak_fork_mark, memory_order_acquire) != HAK_FORK_SEEN);
}

/* Before anything that a child must have recovered first. */
HAK_INLINE void hak_os_fork_look(void) {
    if (hak_os_fork_is_unseen())
        hak_os_fork_attend();
}

#endif

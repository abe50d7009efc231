/* SPDX-License-Identifier: MIT */
/*
 * Owns the guards of large blocks: the inaccessible slab in front of a large block, and the
 * inaccessible rest of its run, a page at least; and the guarded blocks that were freed, which are
 * inaccessible as a whole until others have been freed after them. The first large blocks of a
 * process are guarded, then as many as a budget of a few megabytes a second pays for: a program
 * that uses large blocks all the time loses nothing, one that uses few is stopped when it goes
 * wrong with them. Any thread may call; the heap lock protects the queue, and no system call is
 * made under it. Not for hardened processes, which have guards (large/large_hardened.h).
 */
#ifndef HAK_LARGE_GUARD_PAGE_H
#define HAK_LARGE_GUARD_PAGE_H

#include "core/heap.h"

/* The knob, and: nothing was asked for that guards would spoil. Set once, by hak_guard_page_start.
 */
extern bool hak_guard_page_is_on HAK_SEALED;

void hak_guard_page_start(void);

/* In a fork's child: what waits is lost. */
void hak_guard_page_forget(void);

/* The run of a block of `bytes`; large_bytes is set. NULL: it gets no guard. */
struct hak_slab *hak_guard_page_take(size_t bytes);

/* Lets a guarded block wait, whose state was taken. */
void hak_guard_page_return(struct hak_slab *slab);

/* Ends the waiting of all. */
void hak_guard_page_release(void);

#endif

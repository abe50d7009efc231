/* SPDX-License-Identifier: MIT */
/*
 * Owns what becomes of remote frees whose owner doesn't come for them: a thread that blocks for
 * long would keep all that others free into its inbox. When an inbox has grown past a bound, the
 * sender sorts its blocks by slab. They are held at their slab's record until the owner comes;
 * once all blocks of a slab are held there, nobody can be using it, and the sender purges it.
 *
 * Held blocks, and the state of a slab that is all held, are protected by the heap lock. They keep
 * their remote marks, so that a double free of one is recognised.
 */
#ifndef HAK_HEAP_STALLED_H
#define HAK_HEAP_STALLED_H

#include "heap/heap.h"

/* Values of a record's held_count above every count. */
#define HAK_HELD_PURGING 0xFFFDu
#define HAK_HELD_EMPTY 0xFFFEu /* the purge failed: the memory is as it was */
#define HAK_HELD_ZERO 0xFFFFu

/* Accounts `bytes` that went to the inbox of `owner`; relieves it if that was too much. */
void hak_stalled_note(struct hak_heap *owner, size_t bytes);

/* Sorts what waits for `owner`, whether it is late or not. */
void hak_stalled_relieve(struct hak_heap *owner);

/* Gives back what is held for `heap`; it or its thread's last act calls. */
void hak_stalled_collect(struct hak_heap *heap);

/* The slab has just come to the orphan heap: its held blocks go back to it. Heap lock held. */
void hak_stalled_absorb(struct hak_slab *slab);

/* True if every block of the slab is held: whoever frees one of them frees it twice. */
HAK_INLINE bool hak_stalled_is_all_held(const struct hak_slab *slab) {
    /* relaxed: a slab with a live block can't become all held meanwhile */
    return atomic_load_explicit(&slab->held_count, memory_order_relaxed) >= HAK_HELD_PURGING;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns what becomes of remote frees whose owner doesn't come for them: a thread that is blocked for
 * long would keep all that others free into its inbox. Once the inboxes of such owners hold too
 * much, the senders sort their blocks by slab, some with each batch that is sent. A block is then
 * parked at the record of its slab until the owner comes; once all blocks of a slab are parked
 * there, nobody can be using it, and the sender purges it.
 *
 * Parked blocks, and the state of a slab that is all parked, are protected by the heap lock. They
 * keep their remote marks, so that a double free of one is recognised.
 */
#ifndef HAK_HEAP_STALLED_H
#define HAK_HEAP_STALLED_H

#include "heap/heap.h"

/* Values of a record's parked_count above every count. */
#define HAK_PARKED_PURGING 0xFFFDu
#define HAK_PARKED_EMPTY 0xFFFEu /* nobody knows what its memory holds */
#define HAK_PARKED_ZERO 0xFFFFu

/* Accounts bytes that are about to go to the inbox of `owner`. True: hak_stalled_note has to look
 * closer. */
bool hak_stalled_count(struct hak_heap *owner, size_t bytes);

/* The same when they have left its inbox and its arrivals. */
void hak_stalled_uncount(struct hak_heap *owner, size_t bytes);

/* After a batch was sent to `owner`: looks whether it, or another one, is to be relieved, and does
 * some of the work that there is. */
void hak_stalled_note(struct hak_heap *owner, bool has_grown);

/* Sorts what waits for `owner` now, whether it is late or not; for a trim. */
void hak_stalled_relieve(struct hak_heap *owner);

/* The owner is here, and begins to take what waits for it. */
void hak_stalled_note_visit(struct hak_heap *heap);

/* The blocks of one slab that were parked for the caller's heap, or what was to be sorted; an empty
 * slab is retired, and what that costs is taken off `*left`. NULL: no more. */
struct hak_block *hak_stalled_take(struct hak_heap *heap, int64_t *left);

/* The heap has become DEAD, and its slabs have moved: returns what was to be sorted. */
struct hak_block *hak_stalled_end(struct hak_heap *heap);

/* The slab has just come to the orphan heap: its parked blocks go back to it. Heap lock held. */
void hak_stalled_absorb(struct hak_slab *slab);

/* In a fork's child that found the heap lock lost: nobody is being relieved. */
void hak_stalled_forget(struct hak_heap *mine);

/* True if every block of the slab is parked: whoever frees one of them frees it twice. */
HAK_INLINE bool hak_stalled_is_all_parked(const struct hak_slab *slab) {
    /* relaxed: a slab with a live block can't become all parked meanwhile */
    return atomic_load_explicit(&slab->parked_count, memory_order_relaxed) >= HAK_PARKED_PURGING;
}

#endif

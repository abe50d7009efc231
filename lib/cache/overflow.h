/* SPDX-License-Identifier: MIT */
/*
 * Owns what becomes of remote frees whose owner doesn't come for them: a thread that is blocked for
 * long would keep all that others free into its inbox. Once the inboxes of such owners hold too
 * much, the senders park their blocks (cache/parked.h), some with each batch that is sent.
 */
#ifndef HAK_CACHE_OVERFLOW_H
#define HAK_CACHE_OVERFLOW_H

#include "core/heap.h"

/* Accounts bytes that are about to go to the inbox of `owner`. True: hak_overflow_note has to look
 * closer. */
bool hak_overflow_count(struct hak_heap *owner, size_t bytes);

/* The same when they have left its inbox and its arrivals. */
void hak_overflow_uncount(struct hak_heap *owner, size_t bytes);

/* After a batch was sent to `owner`: looks whether it, or another one, is to be relieved, and does
 * some of the work that there is. */
void hak_overflow_note(struct hak_heap *owner, bool has_grown);

/* Sorts what waits for `owner` now, whether it is late or not; for a trim. */
void hak_overflow_relieve(struct hak_heap *owner);

/* The owner is here, and begins to take what waits for it. */
void hak_overflow_note_visit(struct hak_heap *heap);

/* The blocks of one slab that were parked for the caller's heap, or what was to be sorted; an empty
 * slab is retired, and what that costs is taken off `*left`. NULL: no more. */
struct hak_block *hak_overflow_take(struct hak_heap *heap, int64_t *left);

/* In a fork's child that found the heap lock lost: nobody is being relieved. */
void hak_overflow_forget(struct hak_heap *mine);

/* The heap has become DEAD, and its slabs have moved: returns what was to be sorted. */
struct hak_block *hak_overflow_end(struct hak_heap *heap);

#endif

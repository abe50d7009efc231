/* SPDX-License-Identifier: MIT */
/*
 * Owns the freed blocks of a heap that wait before they may be used again: addresses in a ring
 * behind the heap's structure, so that nothing is written into a block while it waits. A heap's
 * thread alone calls. With random_order a block changes places with one of the last 16, so all wait
 * about as long and none knows who follows it.
 */
#ifndef HAK_FRONT_QUARANTINE_H
#define HAK_FRONT_QUARANTINE_H

#include "core/hardened.h"

/* Bytes behind a heap's structure; 0 without a quarantine. */
size_t hak_quarantine_ring_bytes(void);

/* Puts the ring of a new heap at `start`, where it reads as zero. */
void hak_quarantine_start(struct hak_heap *heap, void *start);

/* Frees some of those that have waited longer than the knob quarantine_ms allows. */
void hak_quarantine_age(struct hak_heap *heap);

/* Frees all that waits; before a thread's end. */
void hak_quarantine_release(struct hak_heap *heap);

/* Lets a block wait; frees what has waited long enough. The tag is the class and, unless the slab
 * is this heap's, HAK_QUARANTINE_OTHER. A slab with a block that waits stays with its heap. */
#define HAK_QUARANTINE_OTHER 128u
void hak_quarantine_add(struct hak_heap *heap, struct hak_block *block, size_t tag);

/* The same with all knobs of small blocks set. */
HAK_SLOW void hak_quarantine_add_whole(struct hak_heap *heap, struct hak_block *block, size_t tag,
                                       size_t room_bytes);

#endif

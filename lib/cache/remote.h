/* SPDX-License-Identifier: MIT */
/*
 * Owns remote frees: a freer collects blocks of one owner in an outbox and sends the batch to the
 * owner's inbox with one atomic operation. The owner takes the whole inbox with one exchange and
 * puts a bounded number of its blocks into bins in each slow path; the rest are its arrivals.
 *
 *   freer's outbox --CAS--> owner's inbox --exchange--> owner's bins, some at a time
 *
 * An owner that exits says so (state) before it empties its inbox for the last time; a freer looks
 * at the state after it has sent. One of the two sees the batch (both orders are seq_cst).
 */
#ifndef HAK_CACHE_REMOTE_H
#define HAK_CACHE_REMOTE_H

#include "core/block.h"
#include "core/hardened.h"
#include "slabs/slab.h"

#define HAK_OUTBOX_BLOCKS 64u   /* sent when it holds as many blocks, */
#define HAK_OUTBOX_BYTES 65536u /* or as many bytes */

/* Frees a block of a slab that another heap owns. `heap` is the caller's, or NULL: it has none. */
void hak_remote_free_slow(struct hak_heap *heap, struct hak_slab *slab, struct hak_heap *owner,
                          struct hak_block *block);

/* Where the caller collects the blocks of `owner`. Heaps lie at least 128 KiB apart. */
HAK_INLINE struct hak_outbox *hak_remote_outbox_for(struct hak_heap *heap,
                                                    const struct hak_heap *owner) {
    return &heap->outbox[((uintptr_t)owner >> 17) % HAK_OUTBOXES];
}

#define HAK_DRAIN_COST 1024           /* 50 us where each block misses the caches */
#define HAK_DRAIN_COST_BYTES 4096u    /* so many cost as much as a block: a slab may go with them */
#define HAK_DRAIN_ALL (INT64_MAX / 2) /* costs no more than that */

/* Puts what others have freed into the bins, until a cost of `left` is reached or nothing is left.
 * The owner calls, in a slow path or between two operations. */
void hak_remote_drain(struct hak_heap *heap, int64_t left);

/* In a slow path: as much as a caller may wait for. The rest waits for the next one. */
HAK_INLINE void hak_remote_follow(struct hak_heap *heap) {
    /* relaxed: hints; what is missed now is taken next time */
    if (HAK_UNLIKELY(atomic_load_explicit(&heap->inbox, memory_order_relaxed) ||
                     atomic_load_explicit(&heap->arrivals, memory_order_relaxed) ||
                     atomic_load_explicit(&heap->has_parked, memory_order_relaxed)))
        hak_remote_drain(heap, HAK_DRAIN_COST);
}

/* Sends every outbox. The freer calls. */
void hak_remote_flush(struct hak_heap *heap);

/*
 * Where a block in an outbox or inbox says which one comes some places behind it: the owner has
 * that on its way while it takes those in between. A hint, for prefetching alone: nothing depends
 * on what is there. NULL: the block has no room for it, or it would touch one more cache line.
 */
HAK_INLINE struct hak_block **hak_remote_hint(struct hak_block *block, size_t size_class) {
    bool has_room = hak_size_class_bytes[size_class] > sizeof *block;
    bool is_near = (uintptr_t)block % 64 + sizeof *block < 64;
    return has_room && is_near ? (struct hak_block **)(block + 1) : NULL;
}

HAK_INLINE void hak_remote_set_hint(struct hak_outbox *outbox, struct hak_block *block,
                                    size_t size_class) {
    struct hak_block **recent = &outbox->recent[outbox->count % HAK_OUTBOX_AHEAD];
    struct hak_block **hint = hak_remote_hint(block, size_class);
    if (HAK_LIKELY(hint && !hak_hardened.is_on)) /* whose free blocks are zero behind the links */
        *hint = *recent;
    *recent = block;
}

/* Most blocks only join an outbox that is in use already. The link is written before the outbox
 * points to the block: a signal handler that forks finds it whole. */
HAK_INLINE void hak_remote_free(struct hak_heap *heap, struct hak_slab *slab,
                                struct hak_heap *owner, struct hak_block *block) {
    struct hak_outbox *outbox = hak_remote_outbox_for(heap, owner);
    uint32_t bytes = outbox->bytes + hak_size_class_bytes[slab->size_class];
    if (HAK_UNLIKELY(outbox->owner != owner || bytes >= HAK_OUTBOX_BYTES ||
                     outbox->count + 1 >= HAK_OUTBOX_BLOCKS)) {
        hak_remote_free_slow(heap, slab, owner, block);
        return;
    }
    hak_block_link_remote(block, outbox->first);
    hak_remote_set_hint(outbox, block, slab->size_class);
    outbox->first = block;
    outbox->count++;
    outbox->bytes = bytes;
}

/* Takes all that is in an inbox. */
struct hak_block *hak_remote_take_inbox(struct hak_heap *heap);

/* Takes what the owner has taken of its inbox and not yet put into bins. */
struct hak_block *hak_remote_take_arrivals(struct hak_heap *heap);

/* Frees the blocks of a remote list wherever their slabs belong by now; returns their bytes. */
size_t hak_remote_route(struct hak_block *block);

/* Empties the inbox of a heap that has just become DEAD; its last owner or any sender calls. */
void hak_remote_rescue(struct hak_heap *heap);

#endif

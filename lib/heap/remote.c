/* SPDX-License-Identifier: MIT */
/*
 * Owns outboxes and inboxes. An outbox belongs to the freeing thread, an inbox to everybody: it is
 * a stack that is only pushed to and taken whole, so no ABA. Invariant: a block is in at most one
 * outbox or inbox, and its mark is the remote one while it is there.
 */
#include "heap/remote.h"

#include "heap/cache.h"
#include "heap/orphan.h"
#include "heap/slab.h"

#define HAK_OUTBOX_BLOCKS 64u   /* sent when it holds as many blocks, */
#define HAK_OUTBOX_BYTES 65536u /* or as many bytes */

static void send(struct hak_heap *owner, struct hak_block *first, struct hak_block *last) {
    struct hak_block *old = atomic_load_explicit(&owner->inbox, memory_order_relaxed);
    do {
        last->next = old;
        last->mark = hak_mark_remote(last, old);
        /* seq_cst: pairs with the exchange in take_inbox, and comes before the look at the state */
    } while (!atomic_compare_exchange_weak_explicit(&owner->inbox, &old, first,
                                                    memory_order_seq_cst, memory_order_relaxed));
    /* seq_cst: pairs with the store of DEAD at thread exit */
    if (HAK_UNLIKELY(atomic_load_explicit(&owner->state, memory_order_seq_cst) != HAK_HEAP_LIVE))
        hak_remote_rescue(owner);
}

static void send_outbox(struct hak_outbox *outbox) {
    struct hak_heap *owner = outbox->owner;
    if (!owner)
        return;
    outbox->owner = NULL;
    send(owner, outbox->first, outbox->last);
}

/* Frees a block wherever its slab belongs by now. FROZEN: the slab's lists can't be trusted, so the
 * block stays lost in this child of a fork. */
static void route(struct hak_block *block) {
    struct hak_slab *slab = hak_slab_of(block);
    if (HAK_UNLIKELY(!slab))
        hak_slab_report_link(block);
    for (;;) {
        /* acquire pairs with the release in set_owner (slab.c) */
        struct hak_heap *owner = atomic_load_explicit(&slab->owner, memory_order_acquire);
        if (owner == hak_orphan_heap) {
            if (hak_orphan_free(slab, block))
                return;
            continue;
        }
        uint32_t state = atomic_load_explicit(&owner->state, memory_order_seq_cst);
        if (state == HAK_HEAP_FROZEN)
            return;
        if (state == HAK_HEAP_LIVE) {
            send(owner, block, block);
            return;
        }
        if (state == HAK_HEAP_FORKED)
            hak_orphan_rescue(owner, slab);
    }
}

static struct hak_block *next_remote(const struct hak_block *block) {
    if (HAK_UNLIKELY(block->mark != hak_mark_remote(block, block->next)))
        hak_slab_report_link(block);
    return block->next;
}

static struct hak_block *take_inbox(struct hak_heap *heap) {
    /* seq_cst: pairs with the push in send(); acquires the blocks' contents */
    return atomic_exchange_explicit(&heap->inbox, NULL, memory_order_seq_cst);
}

void hak_remote_rescue(struct hak_heap *heap) {
    struct hak_block *block = take_inbox(heap);
    while (block) {
        struct hak_block *next = next_remote(block);
        route(block);
        block = next;
    }
}

/* Takes the blocks of one own slab off the front of a remote list and returns them to it. */
static struct hak_block *return_front(struct hak_heap *heap, struct hak_block *block) {
    struct hak_block *last = block;
    struct hak_block *first = block;
    struct hak_block *next = next_remote(block);
    unsigned count = 1;
    while (next && hak_slab_is_same(next, last)) {
        block = next;
        next = next_remote(block);
        hak_block_link(block, first);
        first = block;
        count++;
    }
    heap->counters.inbox_blocks += count;
    hak_cache_return(heap, first, last, count);
    return next;
}

/* Gives the blocks of a remote list back to their slabs, wherever those belong by now. */
static void return_remote(struct hak_heap *heap, struct hak_block *block) {
    while (block) {
        struct hak_slab *slab = hak_slab_of(block);
        if (HAK_LIKELY(slab &&
                       atomic_load_explicit(&slab->owner, memory_order_relaxed) == heap)) {
            block = return_front(heap, block);
        } else {
            struct hak_block *next = next_remote(block);
            route(block);
            block = next;
        }
    }
}

void hak_remote_drain(struct hak_heap *heap) {
    /* relaxed: a hint; what is missed now is taken next time */
    if (HAK_UNLIKELY(atomic_load_explicit(&heap->inbox, memory_order_relaxed)))
        return_remote(heap, take_inbox(heap));
}

static void put_in_outbox(struct hak_outbox *outbox, struct hak_heap *owner,
                          struct hak_block *block, uint32_t bytes) {
    struct hak_block *next = NULL;
    if (outbox->owner) {
        next = outbox->first;
    } else {
        outbox->owner = owner;
        outbox->last = block;
        outbox->count = 0;
        outbox->bytes = 0;
    }
    block->next = next;
    block->mark = hak_mark_remote(block, next);
    outbox->first = block;
    outbox->count++;
    outbox->bytes += bytes;
}

void hak_remote_free(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block) {
    struct hak_heap *owner = atomic_load_explicit(&slab->owner, memory_order_acquire);
    if (!heap || owner == hak_orphan_heap) {
        block->next = NULL;
        block->mark = hak_mark_remote(block, NULL);
        route(block);
        return;
    }
    /* Heaps lie at least 128 KiB apart. */
    struct hak_outbox *outbox = &heap->outbox[((uintptr_t)owner >> 17) % HAK_OUTBOXES];
    hak_heap_enter(heap);
    if (outbox->owner != owner)
        send_outbox(outbox);
    put_in_outbox(outbox, owner, block, hak_class_bytes[slab->class]);
    if (outbox->count >= HAK_OUTBOX_BLOCKS || outbox->bytes >= HAK_OUTBOX_BYTES) {
        send_outbox(outbox);
        heap->counters.outbox_batches++;
    }
    hak_heap_leave(heap);
}

void hak_remote_flush(struct hak_heap *heap) {
    for (unsigned i = 0; i < HAK_OUTBOXES; i++)
        send_outbox(&heap->outbox[i]);
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns outboxes and inboxes. An outbox belongs to the freeing thread, an inbox to everybody: it is
 * a stack that is only pushed to and taken whole, so no ABA. Invariant: a block is in at most one
 * outbox or inbox, and its mark is the remote one while it is there.
 */
#include "heap/remote.h"

#include "heap/cache.h"
#include "heap/fork.h"
#include "heap/orphan.h"
#include "heap/stalled.h"

static void send(struct hak_heap *owner, struct hak_block *first, struct hak_block *last,
                 size_t bytes) {
    hak_os_fork_look(); /* before the state is believed */
    struct hak_block *old = atomic_load_explicit(&owner->inbox, memory_order_relaxed);
    do {
        hak_remote_link(last, old);
        /* seq_cst: pairs with the exchange in take_inbox, and comes before the look at the state */
    } while (!atomic_compare_exchange_weak_explicit(&owner->inbox, &old, first,
                                                    memory_order_seq_cst, memory_order_relaxed));
    /* seq_cst: pairs with the store of DEAD at thread exit */
    if (HAK_UNLIKELY(hak_fork_state_of(owner) != HAK_HEAP_LIVE))
        hak_remote_rescue(owner);
    else
        hak_stalled_note(owner, bytes);
}

static void send_outbox(struct hak_outbox *outbox) {
    struct hak_heap *owner = outbox->owner;
    if (!owner)
        return;
    outbox->owner = NULL;
    send(owner, outbox->first, outbox->last, outbox->bytes);
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
        enum hak_heap_state state = hak_fork_state_of(owner);
        if (state == HAK_HEAP_FROZEN)
            return;
        if (state == HAK_HEAP_LIVE) {
            send(owner, block, block, hak_class_bytes[slab->class]);
            return;
        }
        if (state == HAK_HEAP_FORKED)
            hak_orphan_rescue(owner, slab);
    }
}

struct hak_block *hak_remote_take_inbox(struct hak_heap *heap) {
    atomic_store_explicit(&heap->inbox_bytes, 0, memory_order_relaxed);
    /* seq_cst: pairs with the push in send(); acquires the blocks' contents */
    return atomic_exchange_explicit(&heap->inbox, NULL, memory_order_seq_cst);
}

void hak_remote_route(struct hak_block *block) {
    while (block) {
        struct hak_block *next = hak_remote_next(block);
        route(block);
        block = next;
    }
}

void hak_remote_rescue(struct hak_heap *heap) {
    hak_remote_route(hak_remote_take_inbox(heap));
}

/* The class of an own slab's block, else HAK_CLASS_NONE. */
static size_t own_class(struct hak_heap *heap, const struct hak_block *block) {
    size_t index = ((uintptr_t)block - heap->hot.range_base) >> HAK_SLAB_SHIFT;
    if (HAK_LIKELY(index < heap->hot.range_slabs)) {
        size_t class = hak_bound_class(&heap->slab_bound[index]);
        if (HAK_LIKELY(class != HAK_CLASS_NONE))
            return class;
    }
    const struct hak_slab *slab = hak_slab_of(block);
    if (atomic_load_explicit(&slab->owner, memory_order_relaxed) != heap)
        return HAK_CLASS_NONE;
    hak_slab_show(heap, slab);
    return slab->class;
}

void hak_remote_return(struct hak_heap *heap, struct hak_block *block) {
    while (block) {
        struct hak_block *next = hak_remote_next(block);
        size_t class = own_class(heap, block);
        struct hak_block **hint = hak_remote_hint(block, class);
        HAK_PREFETCH_WRITE(hint ? *hint : next);
        if (HAK_LIKELY(class != HAK_CLASS_NONE)) {
            heap->counters.inbox_blocks++;
            hak_cache_receive(heap, class, block);
        } else {
            route(block);
        }
        block = next;
    }
}

void hak_remote_drain(struct hak_heap *heap) {
    /* relaxed: a hint; what is missed now is taken next time */
    if (HAK_UNLIKELY(atomic_load_explicit(&heap->inbox, memory_order_relaxed))) {
        atomic_store_explicit(&heap->inbox_since_ms, 0, memory_order_relaxed);
        hak_remote_return(heap, hak_remote_take_inbox(heap));
    }
    hak_stalled_collect(heap);
}

static void put_in_outbox(struct hak_outbox *outbox, struct hak_heap *owner,
                          struct hak_block *block, size_t class) {
    struct hak_block *next = NULL;
    if (outbox->owner) {
        next = outbox->first;
    } else {
        outbox->owner = owner;
        outbox->last = block;
        outbox->count = 0;
        outbox->bytes = 0;
    }
    hak_remote_link(block, next);
    hak_remote_set_hint(outbox, block, class);
    outbox->first = block;
    outbox->count++;
    outbox->bytes += hak_class_bytes[class];
}

void hak_remote_free_slow(struct hak_heap *heap, struct hak_slab *slab, struct hak_heap *owner,
                          struct hak_block *block) {
    if (!heap || owner == hak_orphan_heap) {
        hak_remote_link(block, NULL);
        route(block);
        return;
    }
    struct hak_outbox *outbox = hak_outbox_for(heap, owner);
    hak_heap_enter(heap);
    if (outbox->owner != owner)
        send_outbox(outbox);
    put_in_outbox(outbox, owner, block, slab->class);
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

/* SPDX-License-Identifier: MIT */
/*
 * Owns outboxes and inboxes. An outbox belongs to the freeing thread, an inbox to everybody: it is
 * a stack that is only pushed to and taken whole, so no ABA. Arrivals are stored by the owner
 * alone, and only where it found none; anybody may take them whole. Invariant: a block is in at
 * most one of these lists, and its mark is the remote one while it is there.
 *
 * Nothing here calls itself, however many blocks wait: whoever sends to an owner that has ended
 * routes what it finds there in a loop, and routing sends without a look at what piles up.
 */
#include "cache/remote.h"

#include "cache/abandoned.h"
#include "cache/cache.h"
#include "cache/evacuate.h"
#include "cache/overflow.h"
#include "core/fork_epoch.h"

/* False: the owner has ended, and its inbox must be emptied. */
static bool push_to_inbox(struct hak_heap *owner, struct hak_block *first, struct hak_block *last) {
    hak_os_fork_look(); /* before the state is believed */
    struct hak_block *old = atomic_load_explicit(&owner->inbox, memory_order_relaxed);
    do {
        hak_block_link_remote(last, old);
        /* seq_cst: pairs with the exchange in take_inbox, and comes before the look at the state */
    } while (!atomic_compare_exchange_weak_explicit(&owner->inbox, &old, first,
                                                    memory_order_seq_cst, memory_order_relaxed));
    /* seq_cst: pairs with the store of DEAD at thread exit */
    return hak_fork_epoch_state(owner) == HAK_HEAP_LIVE;
}

static void send_outbox(struct hak_outbox *outbox) {
    struct hak_heap *owner = outbox->owner;
    if (!owner)
        return;
    outbox->owner = NULL;
    bool has_grown = hak_overflow_count(owner, outbox->bytes);
    if (HAK_LIKELY(push_to_inbox(owner, outbox->first, outbox->last)))
        hak_overflow_note(owner, has_grown);
    else
        hak_remote_rescue(owner);
}

/*
 * Frees a block wherever its slab belongs by now, and adds its bytes to `*bytes`. Returns the heap
 * that it was sent to if that turned out to have ended: the caller routes what is in its inbox.
 * FROZEN: the slab's lists can't be trusted, so the block stays lost in this child of a fork.
 */
static struct hak_heap *route(struct hak_block *block, size_t *bytes) {
    struct hak_slab *slab = hak_region_slab(block);
    if (HAK_UNLIKELY(!slab))
        hak_block_report_link(block);
    *bytes += hak_size_class_bytes[slab->size_class];
    for (;;) {
        /* acquire pairs with the release in set_owner (slab.c) */
        struct hak_heap *owner = atomic_load_explicit(&slab->owner, memory_order_acquire);
        if (owner == hak_abandoned_heap) {
            if (hak_abandoned_free(slab, block))
                return NULL;
            continue;
        }
        enum hak_heap_state state = hak_fork_epoch_state(owner);
        if (state == HAK_HEAP_FROZEN)
            return NULL;
        if (state == HAK_HEAP_LIVE) {
            hak_overflow_count(owner, hak_size_class_bytes[slab->size_class]);
            return push_to_inbox(owner, block, block) ? NULL : owner;
        }
        if (state == HAK_HEAP_FORKED)
            hak_abandoned_rescue(owner, slab);
    }
}

struct hak_block *hak_remote_take_inbox(struct hak_heap *heap) {
    /* seq_cst: pairs with the push; acquires the blocks' contents */
    return atomic_exchange_explicit(&heap->inbox, NULL, memory_order_seq_cst);
}

struct hak_block *hak_remote_take_arrivals(struct hak_heap *heap) {
    /* relaxed: a hint */
    if (!atomic_load_explicit(&heap->arrivals, memory_order_relaxed))
        return NULL;
    /* acquire pairs with the release in keep_arrivals */
    return atomic_exchange_explicit(&heap->arrivals, NULL, memory_order_acquire);
}

/* The owner calls, who has taken all before. */
static void keep_arrivals(struct hak_heap *heap, struct hak_block *first) {
    hak_assert(!atomic_load_explicit(&heap->arrivals, memory_order_relaxed));
    atomic_store_explicit(&heap->arrivals, first, memory_order_release);
}

/* Puts one remote list in front of another. */
static struct hak_block *prepend(struct hak_block *first, struct hak_block *rest) {
    while (first) {
        struct hak_block *next = hak_block_next_remote(first);
        hak_block_link_remote(first, rest);
        rest = first;
        first = next;
    }
    return rest;
}

size_t hak_remote_route(struct hak_block *block) {
    size_t bytes = 0;
    while (block) {
        struct hak_block *next = hak_block_next_remote(block);
        struct hak_heap *ended = route(block, &bytes);
        if (HAK_UNLIKELY(ended))
            next = prepend(hak_remote_take_inbox(ended), next);
        block = next;
    }
    return bytes;
}

void hak_remote_rescue(struct hak_heap *heap) {
    hak_overflow_uncount(heap, hak_remote_route(hak_remote_take_inbox(heap)));
}

/* The class of an own slab's block, else HAK_CLASS_NONE. */
static size_t own_class(struct hak_heap *heap, const struct hak_block *block) {
    size_t index = ((uintptr_t)block - heap->hot.region_base) >> HAK_SLAB_SHIFT;
    if (HAK_LIKELY(index < heap->hot.region_slabs)) {
        size_t size_class = hak_heap_bound_class(&heap->slab_bound[index]);
        if (HAK_LIKELY(size_class != HAK_CLASS_NONE))
            return size_class;
    }
    const struct hak_slab *slab = hak_region_slab(block);
    if (HAK_UNLIKELY(!slab))
        hak_block_report_link(block);
    if (atomic_load_explicit(&slab->owner, memory_order_relaxed) != heap)
        return HAK_CLASS_NONE;
    hak_slab_publish(heap, slab);
    return slab->size_class;
}

HAK_INLINE void receive(struct hak_heap *heap, size_t size_class, struct hak_block *block) {
    struct hak_slab *slab = HAK_UNLIKELY(heap->has_evacuated) ? hak_region_slab_own(block) : NULL;
    if (HAK_UNLIKELY(slab && slab->is_evacuated))
        hak_evacuate_receive(heap, slab, block);
    else
        hak_cache_receive(heap, size_class, block);
}

/* Some blocks of a list: what they cost is taken off `*left`. Returns the rest of it. */
static struct hak_block *return_some(struct hak_heap *heap, struct hak_block *block, int64_t *left,
                                     size_t *bytes) {
    while (block && *left > 0) {
        struct hak_block *next = hak_block_next_remote(block);
        size_t size_class = own_class(heap, block);
        struct hak_block **hint = hak_remote_hint(block, size_class);
        HAK_PREFETCH_WRITE(hint ? *hint : next);
        *left -= 1 + hak_size_class_bytes[size_class] / HAK_DRAIN_COST_BYTES;
        if (HAK_LIKELY(size_class != HAK_CLASS_NONE)) {
            *bytes += hak_size_class_bytes[size_class];
            heap->counters.inbox_blocks++;
            receive(heap, size_class, block);
        } else {
            hak_block_link_remote(block, NULL);
            *bytes += hak_remote_route(block);
        }
        block = next;
    }
    return block;
}

/* What came first comes first. The inbox is taken once. A signal handler's drain inside another one
 * leaves all to that. */
void hak_remote_drain(struct hak_heap *heap, int64_t left) {
    bool is_last = false;
    if (heap->is_draining)
        return;
    heap->is_draining = true;
    hak_overflow_note_visit(heap);
    while (left > 0 && !is_last) {
        size_t bytes = 0;
        struct hak_block *list = hak_remote_take_arrivals(heap);
        if (!list)
            list = hak_overflow_take(heap, &left);
        if (!list && left > 0) {
            list = hak_remote_take_inbox(heap);
            is_last = true;
        }
        list = return_some(heap, list, &left, &bytes);
        if (list)
            keep_arrivals(heap, list);
        hak_overflow_uncount(heap, bytes);
    }
    heap->is_draining = false;
}

static void put_in_outbox(struct hak_outbox *outbox, struct hak_heap *owner,
                          struct hak_block *block, size_t size_class) {
    struct hak_block *next = NULL;
    if (outbox->owner) {
        next = outbox->first;
    } else {
        outbox->owner = owner;
        outbox->last = block;
        outbox->count = 0;
        outbox->bytes = 0;
    }
    hak_block_link_remote(block, next);
    hak_remote_set_hint(outbox, block, size_class);
    outbox->first = block;
    outbox->count++;
    outbox->bytes += hak_size_class_bytes[size_class];
}

void hak_remote_free_slow(struct hak_heap *heap, struct hak_slab *slab, struct hak_heap *owner,
                          struct hak_block *block) {
    if (!heap || owner == hak_abandoned_heap) {
        hak_block_link_remote(block, NULL);
        hak_remote_route(block);
        return;
    }
    struct hak_outbox *outbox = hak_remote_outbox_for(heap, owner);
    hak_heap_enter(heap);
    if (outbox->owner != owner)
        send_outbox(outbox);
    put_in_outbox(outbox, owner, block, slab->size_class);
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

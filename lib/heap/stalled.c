/* SPDX-License-Identifier: MIT */
/*
 * Owns held blocks. The heap lock protects a record's held list and count; the count is read
 * without it as a hint. Invariant: a block is in one place, so a slab with `capacity` blocks held
 * has none in a bin, in its free list or with the program; its owner has nothing to do with its
 * memory until the owner collects it.
 *
 * A fork's child finds a record as some thread left it in the middle of a change: the list is
 * whole at any moment, and may be longer than the count says.
 *
 *   0 .. capacity - 1 held  ->  PURGING (by the sender, without the lock)  ->  EMPTY or ZERO  ->
 * collected
 */
#include "heap/stalled.h"

#include "heap/cache.h"
#include "heap/huge.h"
#include "heap/lock.h"
#include "heap/orphan.h"
#include "heap/remote.h"
#include "heap/slab.h"
#include "heap/superslab.h"
#include "os/os_memory.h"
#include "os/os_time.h"
#include "stats/process.h"

#define HAK_STALLED_BYTES HAK_KIB(512) /* in an inbox, before anybody looks closer */
#define HAK_STALLED_MS 4               /* an owner that runs comes sooner */
#define HAK_STALLED_SHARE 16 /* all inboxes together may hold as small a part of what is used */
#define HAK_SUSPECTS 16u
#define HAK_SEGMENTS_A_LOCK 32

static uint16_t held_count(const struct hak_slab *slab) {
    /* relaxed: a hint without the lock */
    return atomic_load_explicit(&slab->held_count, memory_order_relaxed);
}

static void set_held_count(struct hak_slab *slab, unsigned count) {
    atomic_store_explicit(&slab->held_count, (uint16_t)count, memory_order_relaxed);
}

/* The owner will see it when it next looks at its inbox. */
static void tell_owner(struct hak_heap *owner) {
    /* release pairs with the acquire in hak_stalled_collect; the lists are under the lock */
    atomic_store_explicit(&owner->has_held, true, memory_order_release);
}

/* Moves the blocks of one slab from the front of a remote list to their record. Lock held. */
static struct hak_block *hold_front(struct hak_slab *slab, struct hak_block *first) {
    struct hak_block *last = first;
    struct hak_block *next = hak_remote_next(first);
    unsigned count = 1;
    for (; next && hak_slab_is_same(next, first); next = hak_remote_next(next), count++)
        last = next;
    hak_remote_link(last, slab->held);
    atomic_signal_fence(memory_order_release); /* the list is whole before it is the slab's */
    slab->held = first;
    set_held_count(slab, held_count(slab) + count);
    return next;
}

/* The slab is all held: the caller purges it next. Lock held. */
static void begin_purge(struct hak_heap *owner, struct hak_slab *slab) {
    slab->held = NULL;
    set_held_count(slab, HAK_HELD_PURGING);
    hak_slab_hide(owner, slab);
}

/* Makes a slab whose blocks are all free look new. Lock held, or its owner. */
static void reset_slab(struct hak_heap *heap, struct hak_slab *slab) {
    bool is_zero = held_count(slab) == HAK_HELD_ZERO;
    set_held_count(slab, 0);
    hak_slab_reset(heap, slab, is_zero);
}

static void end_purge(struct hak_slab *slab, bool done) {
    bool is_empty_orphan = false;
    hak_lock_take(&hak_heap_lock);
    struct hak_heap *owner = atomic_load_explicit(&slab->owner, memory_order_relaxed);
    if (done) {
        hak_process_counters.purges++;
        hak_process_counters.purged_bytes += HAK_SLAB_BYTES;
    }
    set_held_count(slab, done ? HAK_HELD_ZERO : HAK_HELD_EMPTY);
    if (owner == hak_orphan_heap)
        is_empty_orphan = hak_orphan_absorb(slab);
    else
        tell_owner(owner);
    hak_lock_give(&hak_heap_lock);
    if (is_empty_orphan)
        hak_orphan_give_back(slab);
}

struct relief {
    struct hak_block *rest;                      /* still to be sorted */
    struct hak_block *others;                    /* their slabs have another owner by now */
    struct hak_slab *purge[HAK_SEGMENTS_A_LOCK]; /* all held */
    unsigned purge_count;
};

/* Sorts some blocks. */
static void sort_some(struct hak_heap *owner, struct relief *relief) {
    relief->purge_count = 0;
    hak_lock_take(&hak_heap_lock);
    for (unsigned i = 0; i < HAK_SEGMENTS_A_LOCK && relief->rest; i++) {
        struct hak_block *block = relief->rest;
        struct hak_slab *slab = hak_slab_of(block);
        if (atomic_load_explicit(&slab->owner, memory_order_relaxed) != owner) {
            relief->rest = hak_remote_next(block);
            hak_remote_link(block, relief->others);
            relief->others = block;
            continue;
        }
        relief->rest = hold_front(slab, block);
        if (held_count(slab) == slab->capacity) {
            begin_purge(owner, slab);
            relief->purge[relief->purge_count++] = slab;
        }
    }
    tell_owner(owner);
    hak_lock_give(&hak_heap_lock);
}

static void relieve(struct hak_heap *owner) {
    struct relief relief = {.rest = hak_remote_take_inbox(owner)};
    while (relief.rest) {
        sort_some(owner, &relief);
        for (unsigned i = 0; i < relief.purge_count; i++) {
            struct hak_slab *slab = relief.purge[i];
            hak_huge_note_purge(slab);
            end_purge(slab, !hak_huge_is_pooled(slab) &&
                                hak_os_purge((void *)hak_slab_address(slab), HAK_SLAB_BYTES));
        }
    }
    hak_remote_route(relief.others);
}

void hak_stalled_relieve(struct hak_heap *owner) {
    /* relaxed: a hint */
    if (atomic_load_explicit(&owner->inbox, memory_order_relaxed))
        relieve(owner);
}

static bool is_too_much(size_t bytes) {
    hak_lock_take(&hak_heap_lock);
    size_t heaps = hak_max(hak_process_counters.heaps, 1);
    size_t bound_bytes = hak_process_counters.used_bytes / HAK_STALLED_SHARE / heaps;
    hak_lock_give(&hak_heap_lock);
    return bytes >= hak_max(bound_bytes, HAK_STALLED_BYTES);
}

static bool has_waited(const struct hak_heap *owner) {
    uint64_t since_ms = atomic_load_explicit(&owner->inbox_since_ms, memory_order_relaxed);
    return since_ms && hak_os_now_ms() - since_ms >= HAK_STALLED_MS;
}

/* False: it may be stalled, but can't be called so yet. */
static bool settle(struct hak_heap *owner) {
    size_t bytes = atomic_load_explicit(&owner->inbox_bytes, memory_order_relaxed);
    if (bytes < HAK_STALLED_BYTES)
        return true;
    if (!has_waited(owner))
        return false;
    if (is_too_much(bytes))
        relieve(owner);
    return true;
}

/* Inboxes that got their share faster than their owner can be called stalled: looked at again, one
 * after the other, when others grow. One that is pushed out is looked at when it grows again. */
static _Atomic(struct hak_heap *) suspects[HAK_SUSPECTS];
static _Atomic uint32_t suspect_turn;

/* relaxed: heaps are never unmapped, and an inbox is taken with acquire */
static void look_closer(struct hak_heap *owner) {
    uint32_t turn = atomic_fetch_add_explicit(&suspect_turn, 1, memory_order_relaxed);
    _Atomic(struct hak_heap *) *place = &suspects[turn % HAK_SUSPECTS];
    struct hak_heap *earlier = atomic_exchange_explicit(place, NULL, memory_order_relaxed);
    struct hak_heap *waiting = earlier && !settle(earlier) ? earlier : NULL;
    if (!settle(owner))
        waiting = waiting ? waiting : owner;
    if (waiting)
        atomic_store_explicit(place, waiting, memory_order_relaxed);
}

void hak_stalled_note(struct hak_heap *owner, size_t bytes) {
    /* relaxed: bounds; whoever takes the inbox sets the bytes to zero */
    size_t before = atomic_fetch_add_explicit(&owner->inbox_bytes, bytes, memory_order_relaxed);
    if (HAK_UNLIKELY(atomic_load_explicit(&owner->inbox_since_ms, memory_order_relaxed) == 0))
        atomic_store_explicit(&owner->inbox_since_ms, hak_os_now_ms(), memory_order_relaxed);
    if (HAK_UNLIKELY(before / HAK_STALLED_BYTES != (before + bytes) / HAK_STALLED_BYTES))
        look_closer(owner);
}

/* What one slab holds: a list for the caller to return, or an empty slab to retire. */
static struct hak_block *collect_slab(struct hak_heap *heap, struct hak_slab *slab,
                                      bool *ret_is_empty) {
    hak_lock_take(&hak_heap_lock);
    struct hak_block *first = NULL;
    unsigned count = held_count(slab);
    *ret_is_empty = count >= HAK_HELD_EMPTY;
    if (*ret_is_empty) {
        reset_slab(heap, slab);
    } else if (count != HAK_HELD_PURGING) {
        first = slab->held;
        slab->held = NULL;
        set_held_count(slab, 0);
    }
    hak_lock_give(&hak_heap_lock);
    return first;
}

/* Puts one remote list in front of another. */
static struct hak_block *prepend(struct hak_block *first, struct hak_block *rest) {
    while (first) {
        struct hak_block *next = hak_remote_next(first);
        hak_remote_link(first, rest);
        rest = first;
        first = next;
    }
    return rest;
}

/* Adds what the slabs of a list hold to `blocks`; no block moves before the walk is over, since
 * that may change the list. */
static struct hak_block *collect_list(struct hak_heap *heap, struct hak_link *head,
                                      struct hak_block *blocks) {
    struct hak_link *link = hak_list_first(head);
    while (link != head) {
        struct hak_slab *slab = hak_container(link, struct hak_slab, link);
        bool is_empty = false;
        link = link->next;
        if (held_count(slab) == 0)
            continue;
        blocks = prepend(collect_slab(heap, slab, &is_empty), blocks);
        if (is_empty)
            hak_cache_retire(heap, slab);
    }
    return blocks;
}

void hak_stalled_collect(struct hak_heap *heap) {
    /* acquire pairs with the release in tell_owner */
    if (HAK_LIKELY(!atomic_load_explicit(&heap->has_held, memory_order_acquire)))
        return;
    atomic_store_explicit(&heap->has_held, false, memory_order_relaxed);
    struct hak_block *blocks = collect_list(heap, &heap->full, NULL);
    for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++)
        blocks = collect_list(heap, &heap->bin_state[class].partial, blocks);
    for (unsigned class = 1; heap->has_hollow && class < HAK_CLASS_COUNT; class ++)
        blocks = collect_list(heap, &heap->hollow[class], blocks);
    hak_remote_return(heap, blocks);
}

void hak_stalled_absorb(struct hak_slab *slab) {
    unsigned count = held_count(slab);
    if (count >= HAK_HELD_EMPTY) {
        reset_slab(hak_orphan_heap, slab);
    } else if (count && count != HAK_HELD_PURGING) {
        struct hak_block *first = slab->held;
        slab->held = NULL;
        set_held_count(slab, 0);
        hak_slab_give_remote(hak_orphan_heap, slab, first);
    }
}

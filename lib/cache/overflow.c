/* SPDX-License-Identifier: MIT */
/*
 * Owns the decision when to park blocks, and for whom. The heap lock protects the queue of heaps
 * that are being relieved, and what a heap knows of its pile: the blocks that wait for it.
 *
 * What waits in inboxes, or is parked, is free memory that stays resident, like dirty runs and like
 * bins, so their knobs bound it. As long as it is less than may stay dirty, nothing is done. Above
 * that an owner that has been away for a second is relieved, and above what thread caches may hold
 * every owner that didn't come while its inbox grew by a step. An owner that came back within a
 * second to slabs that were purged was not stalled: the next time it is left alone for longer.
 */
#include "cache/overflow.h"

#include "base/bits.h"
#include "cache/cache.h"
#include "cache/parked.h"
#include "cache/remote.h"
#include "conf/conf.h"
#include "core/fork_epoch.h"
#include "core/lock.h"
#include "os/os_time.h"
#include "pages/limit.h"
#include "pages/retention.h"
#include "slabs/slab.h"
#include "stats/process.h"

#define HAK_PILE_STEP HAK_KIB(512) /* of an inbox; less is not looked at: 8 batches and more */
#define HAK_AWAY_MS 1000u          /* as long as dirty memory is unused (pages/retention.c) */
#define HAK_BACK_MS 4u             /* of an owner that came back once; 4 times as long each time */
#define HAK_MOST_BACKOFF 5u        /* 4 seconds: longer than HAK_AWAY_MS */
#define HAK_HEAPS_A_LOOK 16u
#define HAK_SORTED_A_TIME 256u /* blocks: four times what a batch brings */
#define HAK_RETIRE_COST 16     /* of a drain: a slab goes to its run */

/* In all inboxes, in whole steps of each. relaxed: a bound */
static _Atomic size_t piled_steps;

static struct hak_heap *queue; /* heap lock: heaps with something to sort */

static _Atomic bool has_queue; /* relaxed: a hint for those without the lock */
static struct hak_heap *next_checked;

/* Without the lock: what was sorted out. */
static void finish(struct hak_heap *owner, struct hak_relief *relief) {
    hak_parked_purge(relief);
    hak_overflow_uncount(owner, relief->bytes);
    hak_remote_route(relief->others);
}

/* Lock held. A heap that is not LIVE empties its inbox by itself, or never. */
static void collect(struct hak_heap *owner) {
    if (owner->unsorted || hak_fork_epoch_state(owner) != HAK_HEAP_LIVE)
        return;
    owner->unsorted = hak_remote_take_arrivals(owner);
    if (!owner->unsorted)
        owner->unsorted = hak_remote_take_inbox(owner);
}

/* False: nothing is left to sort. */
static bool relieve_some(struct hak_heap *owner) {
    struct hak_relief relief = {.left = HAK_SORTED_A_TIME};
    hak_lock_take(&hak_heap_lock);
    hak_parked_sort(owner, &relief);
    bool has_more = owner->unsorted != NULL;
    hak_lock_release(&hak_heap_lock);
    finish(owner, &relief);
    return has_more;
}

void hak_overflow_relieve(struct hak_heap *owner) {
    for (int i = 0; i < 2; i++) { /* arrivals, and the inbox */
        hak_lock_take(&hak_heap_lock);
        collect(owner);
        hak_lock_release(&hak_heap_lock);
        while (relieve_some(owner)) {
        }
    }
}

/* ---- who is to be relieved, and when ---- */

bool hak_overflow_count(struct hak_heap *owner, size_t bytes) {
    /* relaxed: bounds */
    size_t before = atomic_fetch_add_explicit(&owner->inbox_bytes, bytes, memory_order_relaxed);
    size_t steps = (before + bytes) / HAK_PILE_STEP - before / HAK_PILE_STEP;
    if (HAK_LIKELY(steps == 0))
        return false;
    atomic_fetch_add_explicit(&piled_steps, steps, memory_order_relaxed);
    return true;
}

void hak_overflow_uncount(struct hak_heap *owner, size_t bytes) {
    if (bytes == 0)
        return;
    size_t before = atomic_fetch_sub_explicit(&owner->inbox_bytes, bytes, memory_order_relaxed);
    size_t steps = before / HAK_PILE_STEP - (before - bytes) / HAK_PILE_STEP;
    if (HAK_UNLIKELY(steps))
        atomic_fetch_sub_explicit(&piled_steps, steps, memory_order_relaxed);
}

static uint32_t visits_of(const struct hak_heap *heap) {
    /* relaxed: who is missed now is seen at the next step */
    return atomic_load_explicit(&heap->visits, memory_order_relaxed);
}

void hak_overflow_note_visit(struct hak_heap *heap) {
    atomic_store_explicit(&heap->visits, visits_of(heap) + 1, memory_order_relaxed);
}

/* True: it is the first step since the owner was here. */
static bool begin_pile(struct hak_heap *owner, uint64_t now_ms) {
    if (owner->pile_since_ms && owner->pile_visits == visits_of(owner))
        return false;
    owner->pile_since_ms = now_ms;
    owner->pile_visits = visits_of(owner);
    return true;
}

static uint64_t least_away_ms(const struct hak_heap *heap, bool is_urgent) {
    uint64_t back_ms = heap->backoff ? HAK_BACK_MS << 2 * heap->backoff : 0;
    return is_urgent ? back_ms : hak_max(back_ms, HAK_AWAY_MS);
}

static bool is_stalled(const struct hak_heap *heap, bool is_urgent, uint64_t now_ms) {
    /* relaxed: bounds */
    size_t bytes = atomic_load_explicit(&heap->inbox_bytes, memory_order_relaxed);
    if (bytes < HAK_PILE_STEP || !heap->pile_since_ms || heap->pile_visits != visits_of(heap))
        return false;
    return now_ms - heap->pile_since_ms >= least_away_ms(heap, is_urgent);
}

static void put_in_queue(struct hak_heap *heap) {
    if (heap->is_in_relief)
        return;
    collect(heap);
    heap->is_in_relief = true;
    heap->next_relief = queue;
    queue = heap;
    atomic_store_explicit(&has_queue, true, memory_order_relaxed);
}

static struct hak_heap *next_in_turn(void) {
    struct hak_heap *heap = next_checked ? next_checked : hak_first_heap;
    next_checked = heap->next_heap;
    return heap;
}

/* The inbox of `owner` has grown by a step. */
static void look_closer(struct hak_heap *owner) {
    uint64_t now_ms = hak_os_now_ms();
    hak_lock_take(&hak_heap_lock);
    size_t bytes = atomic_load_explicit(&piled_steps, memory_order_relaxed) * HAK_PILE_STEP;
    bytes += hak_parked_bytes;
    size_t bound_bytes = hak_limit_dirty_bytes(hak_retention_knob_bytes());
    bool is_new = begin_pile(owner, now_ms);
    if (bytes > bound_bytes) {
        bool is_urgent =
            hak_limit_is_pressed() || bytes > hak_max(bound_bytes, hak_conf.cache_total);
        if (!is_new && is_stalled(owner, is_urgent, now_ms))
            put_in_queue(owner);
        for (unsigned i = 0; i < HAK_HEAPS_A_LOOK; i++) {
            struct hak_heap *other = next_in_turn();
            if (other != owner && is_stalled(other, is_urgent, now_ms))
                put_in_queue(other);
        }
    }
    hak_lock_release(&hak_heap_lock);
}

/* Goes on where the last sender ended. */
static HAK_SLOW void go_on(void) {
    struct hak_relief relief = {.left = HAK_SORTED_A_TIME};
    hak_lock_take(&hak_heap_lock);
    struct hak_heap *owner = queue;
    if (owner) {
        hak_parked_sort(owner, &relief);
        if (!owner->unsorted) {
            owner->is_in_relief = false;
            queue = owner->next_relief;
            atomic_store_explicit(&has_queue, queue != NULL, memory_order_relaxed);
        }
    }
    hak_lock_release(&hak_heap_lock);
    if (owner)
        finish(owner, &relief);
}

void hak_overflow_note(struct hak_heap *owner, bool has_grown) {
    if (HAK_UNLIKELY(has_grown) && hak_conf.purge)
        look_closer(owner);
    if (HAK_UNLIKELY(atomic_load_explicit(&has_queue, memory_order_relaxed)))
        go_on();
}

void hak_overflow_forget(struct hak_heap *mine) {
    queue = NULL;
    atomic_store_explicit(&has_queue, false, memory_order_relaxed);
    hak_parked_forget();
    if (mine)
        mine->is_in_relief = false;
}

/* ---- the owner comes ---- */

/* It came back soon: what it found purged it would have used. */
static void learn(struct hak_heap *heap, uint64_t now_ms) {
    if (!heap->relieved_ms)
        return;
    if (now_ms - heap->relieved_ms >= HAK_AWAY_MS)
        heap->backoff = 0;
    else if (heap->backoff < HAK_MOST_BACKOFF)
        heap->backoff++;
    heap->relieved_ms = 0;
}

struct hak_block *hak_overflow_take(struct hak_heap *heap, int64_t *left) {
    /* acquire pairs with the release in notify_owner */
    if (HAK_LIKELY(!atomic_load_explicit(&heap->has_parked, memory_order_acquire)))
        return NULL;
    uint64_t now_ms = hak_os_now_ms();
    while (*left > 0) {
        struct hak_slab *empty = NULL;
        size_t bytes = 0;
        hak_lock_take(&hak_heap_lock);
        learn(heap, now_ms);
        struct hak_block *first = hak_parked_take(heap, &empty, &bytes);
        if (!first && !empty)
            atomic_store_explicit(&heap->has_parked, false, memory_order_relaxed);
        hak_lock_release(&hak_heap_lock);
        hak_overflow_count(heap, bytes); /* it waits again */
        if (!empty)
            return first;
        hak_cache_retire(heap, empty);
        *left -= HAK_RETIRE_COST;
    }
    return NULL;
}

struct hak_block *hak_overflow_end(struct hak_heap *heap) {
    hak_lock_take(&hak_heap_lock);
    struct hak_block *unsorted = heap->unsorted;
    heap->unsorted = NULL;
    heap->parked = NULL; /* they have given up what was parked there when they moved */
    heap->backoff = 0;
    heap->pile_since_ms = 0;
    heap->relieved_ms = 0;
    atomic_store_explicit(&heap->has_parked, false, memory_order_relaxed);
    hak_lock_release(&hak_heap_lock);
    return unsorted;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns parked blocks, and the decision when to park. The heap lock protects a record's parked word
 * and count, and of a heap the list of such slabs, what is to be sorted, and the queue of heaps to
 * be relieved; the count is read without it as a hint. Invariant: a block is in one place, so a slab
 * with `capacity` blocks parked has none in a bin, in its free list or with the program; its owner
 * has nothing to do with its memory until it takes the slab off the list.
 *
 * A fork's child finds records and lists as some thread left them in the middle of a change: stores
 * come in an order that may lose a block at any moment, but never list it twice.
 *
 *   0 .. capacity - 1 parked -> PURGING (by the sender, without the lock) -> EMPTY or ZERO -> taken
 *
 * What waits in inboxes, or is parked, is free memory that stays resident, like dirty runs and like
 * bins, so their knobs bound it. As long as it is less than may stay dirty, nothing is done.
 * Above that an owner that has been away for a second is relieved, and above what thread caches may
 * hold every owner that didn't come while its inbox grew by a step. An owner that came back within
 * a second to slabs that were purged was not stalled: the next time it is left alone for longer.
 */
#include "heap/stalled.h"

#include "base/bits.h"
#include "conf/conf.h"
#include "heap/cache.h"
#include "heap/dirty.h"
#include "heap/fork.h"
#include "heap/huge.h"
#include "heap/limit.h"
#include "heap/lock.h"
#include "heap/orphan.h"
#include "heap/remote.h"
#include "heap/slab.h"
#include "heap/superslab.h"
#include "heap/thread.h"
#include "os/os_memory.h"
#include "os/os_time.h"
#include "stats/process.h"

#define HAK_PILE_STEP HAK_KIB(512) /* of an inbox; less is not looked at: 8 batches and more */
#define HAK_AWAY_MS 1000u          /* as long as dirty memory is unused (heap/dirty.c) */
#define HAK_BACK_MS 4u             /* of an owner that came back once; 4 times as long each time */
#define HAK_MOST_PATIENCE 5u       /* 4 seconds: longer than HAK_AWAY_MS */
#define HAK_HEAPS_A_LOOK 16u
#define HAK_SORTED_A_TIME 256u /* blocks: four times what a batch brings */
#define HAK_SLABS_A_TIME 32u   /* purged by one sender: 2 MiB, a dirty run's step */
#define HAK_RETIRE_COST 16     /* of a drain: a slab goes to its run */

/* In all inboxes, in whole steps of each. relaxed: a bound */
static _Atomic size_t piled_steps;

static struct hak_heap *queue; /* heap lock: heaps with something to sort */

/* Heap lock: slabs that were all parked when they came here; their owners may have taken some. */
static struct hak_slab *ready[HAK_SLABS_A_TIME];
static unsigned ready_count;

static _Atomic bool has_queue; /* relaxed: a hint for those without the lock */
static struct hak_heap *next_look;
static size_t parked_bytes; /* heap lock: of blocks parked at slabs that were not purged */

static unsigned parked_count(const struct hak_slab *slab) {
    /* relaxed: a hint without the lock */
    return atomic_load_explicit(&slab->parked_count, memory_order_relaxed);
}

static void set_parked_count(struct hak_slab *slab, unsigned count) {
    atomic_store_explicit(&slab->parked_count, (uint16_t)count, memory_order_relaxed);
}

/*
 * A record's parked word: whether it is on its heap's list, the place of the first parked block, in
 * 16 bytes, counted from 1, and the list's next record, in 64 bytes.
 */
#define HAK_PARKED_IS_LISTED 1u
#define HAK_PARKED_PLACE_SHIFT 1u
#define HAK_PARKED_PLACE_MASK 0x1FFFu
#define HAK_PARKED_NEXT_SHIFT 14u
#define HAK_PARKED_NEXT_UNIT 64u

_Static_assert(HAK_SLAB_BYTES / 16 <= HAK_PARKED_PLACE_MASK, "every place has a number");

static struct hak_block *first_parked(const struct hak_slab *slab) {
    uintptr_t place = slab->parked >> HAK_PARKED_PLACE_SHIFT & HAK_PARKED_PLACE_MASK;
    return place ? (struct hak_block *)(hak_slab_address(slab) + (place - 1) * 16) : NULL;
}

static void set_first_parked(struct hak_slab *slab, const struct hak_block *block) {
    uint64_t place = block ? ((uintptr_t)block % HAK_SLAB_BYTES) / 16 + 1 : 0;
    uint64_t mask = (uint64_t)HAK_PARKED_PLACE_MASK << HAK_PARKED_PLACE_SHIFT;
    slab->parked = (slab->parked & ~mask) | place << HAK_PARKED_PLACE_SHIFT;
}

static struct hak_slab *next_parked(const struct hak_slab *slab) {
    return (struct hak_slab *)((slab->parked >> HAK_PARKED_NEXT_SHIFT) * HAK_PARKED_NEXT_UNIT);
}

/* The owner will see it when it next looks at its inbox. Lock held. */
static void tell_owner(struct hak_heap *owner) {
    /* release pairs with the acquire in hak_stalled_take; the lists are under the lock */
    atomic_store_explicit(&owner->has_parked, true, memory_order_release);
}

/* Lock held. */
static void list_for_owner(struct hak_heap *owner, struct hak_slab *slab) {
    if (slab->parked & HAK_PARKED_IS_LISTED)
        return;
    uint64_t next = (uintptr_t)owner->parked / HAK_PARKED_NEXT_UNIT;
    slab->parked |= HAK_PARKED_IS_LISTED | next << HAK_PARKED_NEXT_SHIFT;
    atomic_signal_fence(memory_order_release); /* the record is whole before it is listed */
    owner->parked = slab;
}

/* ---- sorting ---- */

/* What one sender does at a time. */
struct relief {
    struct hak_block *others; /* their slabs have another owner by now */
    struct hak_slab *purge[HAK_SLABS_A_TIME];
    unsigned purges;
    unsigned left; /* blocks still to be sorted */
    size_t bytes;  /* of those sorted */
};

/* Parks the blocks of one slab from the front of what is to be sorted. Lock held. */
static void park_front(struct hak_heap *owner, struct hak_slab *slab, struct relief *relief) {
    struct hak_block *first = owner->unsorted, *last = first;
    struct hak_block *next = hak_remote_next(first);
    unsigned count = 1;
    for (; count < relief->left && next && hak_slab_is_same(next, first); count++) {
        last = next;
        next = hak_remote_next(next);
    }
    owner->unsorted = next;
    atomic_signal_fence(memory_order_release); /* out of one list before it is in another */
    hak_remote_link(last, first_parked(slab));
    atomic_signal_fence(memory_order_release); /* the list is whole before it is the slab's */
    set_first_parked(slab, first);
    set_parked_count(slab, parked_count(slab) + count);
    list_for_owner(owner, slab);
    relief->left -= count;
    relief->bytes += count * (size_t)hak_class_bytes[slab->class];
    parked_bytes += count * (size_t)hak_class_bytes[slab->class];
}

/* A slab's parked blocks go elsewhere, or their memory does; returns their bytes. Lock held. */
static size_t unpark(struct hak_slab *slab, unsigned new_count) {
    size_t bytes = parked_count(slab) * (size_t)hak_class_bytes[slab->class];
    set_parked_count(slab, new_count);
    parked_bytes = hak_excess(parked_bytes, bytes); /* 0 after a freeze */
    return bytes;
}

static bool is_all_parked(const struct hak_slab *slab) {
    return atomic_load_explicit(&slab->state, memory_order_relaxed) == HAK_SLAB_BLOCKS &&
           parked_count(slab) == slab->capacity;
}

/* What is ready and still all parked: the caller purges it next. Lock held. */
static void begin_purges(struct relief *relief) {
    for (unsigned i = 0; i < ready_count; i++) {
        struct hak_slab *slab = ready[i];
        if (!is_all_parked(slab))
            continue;
        set_first_parked(slab, NULL);
        unpark(slab, HAK_PARKED_PURGING);
        hak_slab_hide(atomic_load_explicit(&slab->owner, memory_order_relaxed), slab);
        relief->purge[relief->purges++] = slab;
    }
    ready_count = 0;
}

/* Slabs are purged many at once: neighbours need one system call. Lock held. */
static void sort_some(struct hak_heap *owner, struct relief *relief) {
    while (owner->unsorted && relief->left && ready_count < HAK_SLABS_A_TIME) {
        struct hak_block *block = owner->unsorted;
        struct hak_slab *slab = hak_slab_of(block);
        if (HAK_UNLIKELY(!slab))
            hak_slab_report_link(block);
        if (atomic_load_explicit(&slab->owner, memory_order_relaxed) != owner) {
            owner->unsorted = hak_remote_next(block);
            hak_remote_link(block, relief->others);
            relief->others = block;
            relief->bytes += hak_class_bytes[slab->class];
            relief->left--;
            continue;
        }
        park_front(owner, slab, relief);
        if (is_all_parked(slab))
            ready[ready_count++] = slab;
    }
    if (!owner->unsorted || ready_count == HAK_SLABS_A_TIME)
        begin_purges(relief);
    if (owner->unsorted || owner->parked)
        tell_owner(owner);
}

/* Makes a slab whose blocks are all free look new. Lock held, or its owner. */
static void reset_slab(struct hak_heap *heap, struct hak_slab *slab) {
    bool is_zero = parked_count(slab) == HAK_PARKED_ZERO;
    set_parked_count(slab, 0);
    slab->parked = 0;
    hak_slab_reset(heap, slab, is_zero);
}

/* True: it is an orphan, and to be given back. Lock held. */
static bool end_purge(struct hak_slab *slab, bool is_zero) {
    struct hak_heap *owner = atomic_load_explicit(&slab->owner, memory_order_relaxed);
    set_parked_count(slab, is_zero ? HAK_PARKED_ZERO : HAK_PARKED_EMPTY);
    if (owner == hak_orphan_heap)
        return hak_orphan_absorb(slab);
    list_for_owner(owner, slab);
    tell_owner(owner);
    return false;
}

/* Gives the pages of neighbours back in one go. */
static void purge_run(struct hak_slab **slab, unsigned count) {
    struct hak_slab *orphans[HAK_SLABS_A_TIME];
    unsigned orphan_count = 0;
    void *start = (void *)hak_slab_address(slab[0]);
    size_t bytes = count * HAK_SLAB_BYTES;
    bool is_pooled = false;
    for (unsigned i = 0; i < count; i++) {
        hak_huge_note_purge(slab[i]);
        is_pooled |= hak_huge_is_pooled(slab[i]);
    }
    bool is_lazy = !is_pooled && hak_conf.lazy_purge && hak_os_purge_lazily(start, bytes);
    bool is_zero = !is_pooled && !is_lazy && hak_os_purge(start, bytes);
    uint64_t now_ms = hak_os_now_ms();
    hak_lock_take(&hak_heap_lock);
    if (is_zero || is_lazy) {
        struct hak_heap *owner = atomic_load_explicit(&slab[0]->owner, memory_order_relaxed);
        owner->relieved_ms = now_ms;
        hak_process_counters.purges++;
        hak_process_counters.purged_bytes += bytes;
    }
    for (unsigned i = 0; i < count; i++)
        if (end_purge(slab[i], is_zero))
            orphans[orphan_count++] = slab[i];
    hak_lock_give(&hak_heap_lock);
    while (orphan_count)
        hak_orphan_give_back(orphans[--orphan_count]);
}

static void put_in_order(struct hak_slab **slab, unsigned count) {
    for (unsigned i = 1; i < count; i++) {
        struct hak_slab *one = slab[i];
        unsigned place = i;
        for (; place && hak_slab_address(slab[place - 1]) > hak_slab_address(one); place--)
            slab[place] = slab[place - 1];
        slab[place] = one;
    }
}

/* Without the lock: what was sorted out. */
static void finish(struct hak_heap *owner, struct relief *relief) {
    put_in_order(relief->purge, relief->purges);
    for (unsigned first = 0, end; first < relief->purges; first = end) {
        uintptr_t next = hak_slab_address(relief->purge[first]);
        for (end = first; end < relief->purges && hak_slab_address(relief->purge[end]) == next;)
            next += HAK_SLAB_BYTES, end++;
        purge_run(relief->purge + first, end - first);
    }
    hak_stalled_uncount(owner, relief->bytes);
    hak_remote_route(relief->others);
}

/* Lock held. A heap that is not LIVE empties its inbox by itself, or never. */
static void collect(struct hak_heap *owner) {
    if (owner->unsorted ||
        hak_fork_state_of(owner) != HAK_HEAP_LIVE)
        return;
    owner->unsorted = hak_remote_take_arrivals(owner);
    if (!owner->unsorted)
        owner->unsorted = hak_remote_take_inbox(owner);
}

/* False: nothing is left to sort. */
static bool relieve_some(struct hak_heap *owner) {
    struct relief relief = {.left = HAK_SORTED_A_TIME};
    hak_lock_take(&hak_heap_lock);
    sort_some(owner, &relief);
    bool has_more = owner->unsorted != NULL;
    hak_lock_give(&hak_heap_lock);
    finish(owner, &relief);
    return has_more;
}

void hak_stalled_relieve(struct hak_heap *owner) {
    for (int i = 0; i < 2; i++) { /* arrivals, and the inbox */
        hak_lock_take(&hak_heap_lock);
        collect(owner);
        hak_lock_give(&hak_heap_lock);
        while (relieve_some(owner))
            ;
    }
}

/* ---- who is to be relieved, and when ---- */

bool hak_stalled_count(struct hak_heap *owner, size_t bytes) {
    /* relaxed: bounds */
    size_t before = atomic_fetch_add_explicit(&owner->inbox_bytes, bytes, memory_order_relaxed);
    size_t steps = (before + bytes) / HAK_PILE_STEP - before / HAK_PILE_STEP;
    if (HAK_LIKELY(steps == 0))
        return false;
    atomic_fetch_add_explicit(&piled_steps, steps, memory_order_relaxed);
    return true;
}

void hak_stalled_uncount(struct hak_heap *owner, size_t bytes) {
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

void hak_stalled_note_visit(struct hak_heap *heap) {
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
    uint64_t back_ms = heap->patience ? HAK_BACK_MS << 2 * heap->patience : 0;
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
    struct hak_heap *heap = next_look ? next_look : hak_first_heap;
    next_look = heap->next_heap;
    return heap;
}

/* The inbox of `owner` has grown by a step. */
static void look_closer(struct hak_heap *owner) {
    uint64_t now_ms = hak_os_now_ms();
    hak_lock_take(&hak_heap_lock);
    size_t bytes = atomic_load_explicit(&piled_steps, memory_order_relaxed) * HAK_PILE_STEP;
    bytes += parked_bytes;
    size_t bound_bytes = hak_limit_dirty_bytes(hak_dirty_knob_bytes());
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
    hak_lock_give(&hak_heap_lock);
}

/* Goes on where the last sender ended. */
static HAK_SLOW void go_on(void) {
    struct relief relief = {.left = HAK_SORTED_A_TIME};
    hak_lock_take(&hak_heap_lock);
    struct hak_heap *owner = queue;
    if (owner) {
        sort_some(owner, &relief);
        if (!owner->unsorted) {
            owner->is_in_relief = false;
            queue = owner->next_relief;
            atomic_store_explicit(&has_queue, queue != NULL, memory_order_relaxed);
        }
    }
    hak_lock_give(&hak_heap_lock);
    if (owner)
        finish(owner, &relief);
}

void hak_stalled_note(struct hak_heap *owner, bool has_grown) {
    if (HAK_UNLIKELY(has_grown) && hak_conf.purge)
        look_closer(owner);
    if (HAK_UNLIKELY(atomic_load_explicit(&has_queue, memory_order_relaxed)))
        go_on();
}

void hak_stalled_forget(struct hak_heap *mine) {
    queue = NULL;
    ready_count = 0;
    parked_bytes = 0;
    atomic_store_explicit(&has_queue, false, memory_order_relaxed);
    if (mine)
        mine->is_in_relief = false;
}

/* ---- the owner comes ---- */

/* It came back soon: what it found purged it would have used. */
static void learn(struct hak_heap *heap, uint64_t now_ms) {
    if (!heap->relieved_ms)
        return;
    if (now_ms - heap->relieved_ms >= HAK_AWAY_MS)
        heap->patience = 0;
    else if (heap->patience < HAK_MOST_PATIENCE)
        heap->patience++;
    heap->relieved_ms = 0;
}

/* The next slab off the list: its blocks, or, if it is empty, itself. One that is being purged
 * comes back to the list. Lock held. */
static struct hak_block *take_parked(struct hak_heap *heap, struct hak_slab **ret_empty) {
    while (heap->parked) {
        struct hak_slab *slab = heap->parked;
        struct hak_block *first = first_parked(slab);
        unsigned count = parked_count(slab);
        heap->parked = next_parked(slab);
        slab->parked = 0;
        if (count >= HAK_PARKED_EMPTY) {
            reset_slab(heap, slab);
            *ret_empty = slab;
            return NULL;
        }
        if (count != HAK_PARKED_PURGING) {
            hak_stalled_count(heap, unpark(slab, 0));
            return first;
        }
    }
    struct hak_block *unsorted = heap->unsorted;
    heap->unsorted = NULL;
    return unsorted;
}

struct hak_block *hak_stalled_take(struct hak_heap *heap, int64_t *left) {
    /* acquire pairs with the release in tell_owner */
    if (HAK_LIKELY(!atomic_load_explicit(&heap->has_parked, memory_order_acquire)))
        return NULL;
    uint64_t now_ms = hak_os_now_ms();
    while (*left > 0) {
        struct hak_slab *empty = NULL;
        hak_lock_take(&hak_heap_lock);
        learn(heap, now_ms);
        struct hak_block *first = take_parked(heap, &empty);
        if (!first && !empty)
            atomic_store_explicit(&heap->has_parked, false, memory_order_relaxed);
        hak_lock_give(&hak_heap_lock);
        if (!empty)
            return first;
        hak_cache_retire(heap, empty);
        *left -= HAK_RETIRE_COST;
    }
    return NULL;
}

struct hak_block *hak_stalled_end(struct hak_heap *heap) {
    hak_lock_take(&hak_heap_lock);
    struct hak_block *unsorted = heap->unsorted;
    heap->unsorted = NULL;
    heap->parked = NULL; /* they have given up what was parked there when they moved */
    heap->patience = 0;
    heap->pile_since_ms = 0;
    heap->relieved_ms = 0;
    atomic_store_explicit(&heap->has_parked, false, memory_order_relaxed);
    hak_lock_give(&hak_heap_lock);
    return unsorted;
}

void hak_stalled_absorb(struct hak_slab *slab) {
    struct hak_block *first = first_parked(slab);
    unsigned count = parked_count(slab);
    slab->parked = 0;
    if (count >= HAK_PARKED_EMPTY) {
        reset_slab(hak_orphan_heap, slab);
    } else if (count && count != HAK_PARKED_PURGING) {
        unpark(slab, 0);
        hak_slab_give_remote(hak_orphan_heap, slab, first);
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the slabs that no thread owns. All state is protected by the heap lock, which is never
 * held across a system call: an emptied slab is given back after it. Invariant: a slab whose owner
 * is the abandoned heap changes its owner only under the lock.
 */
#include "cache/abandoned.h"

#include "cache/cache.h"
#include "cache/parked.h"
#include "core/lock.h"
#include "front/pressure.h"
#include "front/start.h"
#include "front/thread.h"
#include "os/os_fatal.h"
#include "os/os_seal.h"
#include "pages/run.h"
#include "slabs/slab.h"

#define HAK_MOVES_A_LOCK 64 /* slabs moved before others get a turn */

/* Slabs on partial lists, a class; read without the lock as a hint. */
static _Atomic uint32_t partial_slabs[HAK_CLASS_COUNT];

static void count_partial(const struct hak_slab *slab, int change) {
    if (!slab->is_full)
        /* relaxed: a hint; the lists are read under the lock */
        atomic_fetch_add_explicit(&partial_slabs[slab->size_class], (uint32_t)change,
                                  memory_order_relaxed);
}

void hak_abandoned_start(struct hak_heap *heap) {
    hak_abandoned_heap = heap;
    heap->counters.state = HAK_RECORD_ABANDONED;
}

/* Room for one more when no memory can be had. It never needs the table behind its end. */
static char spare[sizeof(struct hak_heap) + HAK_PAGE_MAX_BYTES];
static bool spare_is_used;

static struct hak_heap *make_another(void) {
    struct hak_heap *heap = hak_heap_make_uncounted();
    if (heap || spare_is_used)
        return heap;
    spare_is_used = true;
    heap = (struct hak_heap *)hak_round_up((uintptr_t)spare, HAK_PAGE_MAX_BYTES);
    hak_list_init(&heap->full);
    return heap;
}

__attribute__((noreturn)) HAK_COLD static void die(void) {
    char storage[80];
    struct hak_buffer line;
    hak_buffer_init(&line, storage, sizeof storage);
    hak_put_text(&line, "hakmem: out of memory in the child of a fork");
    hak_fatal_end(&line);
}

void hak_abandoned_renew(void) {
    struct hak_heap *frozen = hak_abandoned_heap, *heap = make_another();
    bool was_open = hak_os_seal_is_open();
    if (!heap || !hak_os_seal_open())
        die();
    hak_abandoned_start(heap);
    if (!was_open)
        hak_os_seal_close();
    atomic_store_explicit(&frozen->state, HAK_HEAP_FROZEN, memory_order_relaxed);
    frozen->counters.state = HAK_RECORD_LEFT;
    hak_thread_list_heap(frozen);
    for (unsigned size_class = 0; size_class < HAK_CLASS_COUNT; size_class++)
        atomic_store_explicit(&partial_slabs[size_class], 0, memory_order_relaxed);
}

/* Takes in what is parked at an abandoned slab. True: nothing of the slab is used any more, and it
 * is ours to give back. Lock held. */
static bool absorb(struct hak_slab *slab) {
    hak_parked_absorb(slab);
    bool is_empty = slab->used == 0;
    if (is_empty)
        hak_slab_stop(hak_abandoned_heap, slab);
    else
        count_partial(slab, 1);
    return is_empty;
}

static bool move_in(struct hak_heap *from, struct hak_slab *slab) {
    hak_slab_move(from, hak_abandoned_heap, slab);
    return absorb(slab);
}

bool hak_abandoned_absorb(struct hak_slab *slab) {
    count_partial(slab, -1);
    return absorb(slab);
}

void hak_abandoned_return_run(struct hak_slab *slab) {
    if (hak_slab_carved(slab) == 0 && slab->is_zero)
        hak_run_return_clean(slab);
    else
        hak_run_return(slab);
}

static void take_over_list(struct hak_heap *heap, struct hak_link *head) {
    struct hak_slab *empty[HAK_MOVES_A_LOCK];
    while (!hak_list_is_empty(head)) {
        unsigned count = 0;
        hak_lock_take(&hak_heap_lock);
        for (int i = 0; i < HAK_MOVES_A_LOCK && !hak_list_is_empty(head); i++) {
            struct hak_slab *slab = hak_container(head->next, struct hak_slab, link);
            if (move_in(heap, slab))
                empty[count++] = slab;
        }
        hak_lock_release(&hak_heap_lock);
        while (count)
            hak_abandoned_return_run(empty[--count]);
    }
}

void hak_abandoned_take_over(struct hak_heap *heap) {
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        hak_cache_release_spare(heap, size_class);
        take_over_list(heap, &heap->bin_state[size_class].partial);
        if (heap->has_sparse)
            take_over_list(heap, &heap->sparse[size_class]);
        if (heap->has_evacuated)
            take_over_list(heap, &heap->evacuation[size_class].slabs);
    }
    take_over_list(heap, &heap->full);
}

bool hak_abandoned_reclaim(struct hak_heap *heap, unsigned size_class) {
    bool found = false;
    if (atomic_load_explicit(&partial_slabs[size_class], memory_order_relaxed) == 0)
        return false;
    hak_lock_take(&hak_heap_lock);
    struct hak_link *head = &hak_abandoned_heap->bin_state[size_class].partial;
    if (!hak_list_is_empty(head)) {
        struct hak_slab *slab = hak_container(head->next, struct hak_slab, link);
        count_partial(slab, -1);
        hak_slab_move(hak_abandoned_heap, heap, slab);
        found = true;
    }
    hak_lock_release(&hak_heap_lock);
    return found;
}

static bool owner_is(const struct hak_slab *slab, const struct hak_heap *heap) {
    return atomic_load_explicit(&slab->owner, memory_order_relaxed) == heap;
}

bool hak_abandoned_free(struct hak_slab *slab, struct hak_block *block) {
    bool is_empty = false;
    hak_lock_take(&hak_heap_lock);
    bool is_abandoned = owner_is(slab, hak_abandoned_heap);
    if (is_abandoned) {
        count_partial(slab, -1);
        is_empty = hak_slab_return(hak_abandoned_heap, slab, block);
        if (is_empty)
            hak_slab_stop(hak_abandoned_heap, slab);
        else
            count_partial(slab, 1);
    }
    hak_lock_release(&hak_heap_lock);
    if (is_empty)
        hak_run_return(slab);
    return is_abandoned;
}

void hak_abandoned_count_free(const struct hak_slab *slab) {
    hak_lock_take(&hak_heap_lock);
    hak_abandoned_heap->counters.of[slab->size_class].remote_frees++;
    hak_lock_release(&hak_heap_lock);
}

void hak_abandoned_rescue(struct hak_heap *from, struct hak_slab *slab) {
    bool is_empty = false;
    hak_lock_take(&hak_heap_lock);
    if (owner_is(slab, from))
        is_empty = move_in(from, slab);
    hak_lock_release(&hak_heap_lock);
    if (is_empty)
        hak_abandoned_return_run(slab);
}

/* The lock is held. */
static struct hak_block *take_one(struct hak_slab *slab) {
    struct hak_block *block;
    count_partial(slab, -1);
    hak_slab_take(hak_abandoned_heap, slab, 1, &block);
    hak_abandoned_heap->counters.allocations[slab->size_class]++;
    count_partial(slab, 1);
    return block;
}

void *hak_abandoned_alloc(unsigned size_class) {
    struct hak_block *block = NULL;
    struct hak_slab *fresh = NULL;
    if (!hak_abandoned_heap)
        return NULL;
    for (;;) {
        hak_lock_take(&hak_heap_lock);
        struct hak_link *head = &hak_abandoned_heap->bin_state[size_class].partial;
        if (fresh) {
            hak_slab_start(hak_abandoned_heap, fresh, size_class);
            count_partial(fresh, 1);
        }
        if (!hak_list_is_empty(head))
            block = take_one(hak_container(head->next, struct hak_slab, link));
        hak_lock_release(&hak_heap_lock);
        if (block) {
            block->mark = 0; /* a live block must not look like a free one */
            return block;
        }
        fresh = hak_pressure_take_run(1, 1);
        if (!fresh)
            return NULL;
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns filling and emptying the bins of a thread cache. Called by the heap's thread alone (and at
 * its exit). Invariant: blocks in bin = level + own frees - allocations; when the countdown is
 * armed, at most the class's cap of blocks can be in the bin before the trip.
 */
#include "heap/cache.h"

#include "conf/conf.h"
#include "heap/large.h"
#include "heap/orphan.h"
#include "heap/remote.h"
#include "heap/slab.h"
#include "heap/superslab.h"
#include "heap/thread.h"
#include "heap/verify.h"
#include "os/os_memory.h"

#include <errno.h>

#define HAK_CAP_BLOCKS 512u /* a longer bin gains nothing, and its flush takes longer */

static unsigned bin_cap(unsigned class) {
    size_t cap = hak_conf.cache / hak_class_bytes[class];
    return (unsigned)hak_min(hak_max(cap, 4), HAK_CAP_BLOCKS);
}

static int64_t bin_length(const struct hak_heap *heap, unsigned class) {
    return heap->level[class] + (int64_t)hak_own_frees(&heap->counters, class) -
           (int64_t)heap->counters.allocations[class];
}

/* Sets the countdown so that it ends when the bin can be full. Goal first, see hak_own_frees. */
static void arm(struct hak_heap *heap, unsigned class) {
    struct hak_thread_counters *counters = &heap->counters;
    int64_t frees = (int64_t)hak_own_frees(counters, class);
    int64_t room = (int64_t)bin_cap(class) - bin_length(heap, class);
    hak_assert(room > 0);
    counters->free_goal[class] = frees + room;
    counters->free_countdown[class] = -room;
}

void hak_cache_start(struct hak_heap *heap) {
    for (unsigned class = 0; class < HAK_CLASS_COUNT; class ++) {
        heap->hot.bin[class] = HAK_LIST_END;
        heap->level[class] = 0;
        heap->batch[class] = 0;
        if (class != HAK_CLASS_NONE)
            arm(heap, class);
    }
}

/* Steps grow: one OS page of blocks first, twice as many each time, up to half a bin. */
static unsigned next_batch(struct hak_heap *heap, unsigned class) {
    unsigned least = (unsigned)hak_max(hak_os_page_bytes / hak_class_bytes[class], 1);
    unsigned most = bin_cap(class) / 2;
    unsigned batch = heap->batch[class] ? heap->batch[class] : least;
    batch = batch < most ? batch : most;
    heap->batch[class] = (uint16_t)(batch * 2);
    return batch;
}

static struct hak_slab *first_partial(struct hak_heap *heap, unsigned class) {
    struct hak_link *head = &heap->partial[class];
    return hak_list_is_empty(head) ? NULL : hak_container(head->next, struct hak_slab, link);
}

/* The ladder below the heap's own slabs: an orphaned slab of the class, then a fresh one. */
static struct hak_slab *find_slab(struct hak_heap *heap, unsigned class) {
    struct hak_slab *slab = first_partial(heap, class);
    if (slab)
        return slab;
    if (hak_orphan_adopt(heap, class)) {
        heap->counters.slabs_adopted++;
        return first_partial(heap, class);
    }
    slab = hak_run_take(1, 1);
    if (slab) {
        hak_slab_start(heap, slab, class);
        heap->counters.slabs_taken++;
    }
    return slab;
}

bool hak_cache_refill(struct hak_heap *heap, unsigned class) {
    hak_heap_enter(heap);
    hak_remote_drain(heap);
    struct hak_slab *slab = find_slab(heap, class);
    if (slab) {
        struct hak_block *first;
        uint16_t carved = slab->carved;
        unsigned count = hak_slab_take(heap, slab, next_batch(heap, class), &first);
        heap->counters.carved += (unsigned)(slab->carved - carved);
        heap->counters.refills++;
        heap->level[class] += count;
        heap->hot.bin[class] = first;
        arm(heap, class);
    }
    hak_heap_verify(heap);
    hak_heap_leave(heap);
    return slab != NULL;
}

static void *pop_after_refill(struct hak_heap *heap, unsigned class) {
    struct hak_block *block = heap->hot.bin[class];
    return hak_cache_pop(heap, class, block, hak_block_next(block));
}

static void *alloc_after_miss(size_t bytes) {
    struct hak_heap *heap = hak_heap_get();
    if (HAK_UNLIKELY(!heap))
        heap = hak_heap_start_mine();
    if (bytes > HAK_CLASS_MAX_BYTES)
        return hak_large_alloc(bytes, HAK_SLAB_BYTES, NULL);
    unsigned class = hak_class_of(bytes);
    if (HAK_UNLIKELY(!heap))
        return hak_orphan_alloc(class);
    if (heap->hot.bin[class] == HAK_LIST_END && !hak_cache_refill(heap, class))
        return NULL;
    return pop_after_refill(heap, class);
}

void *hak_alloc_slow(size_t bytes) {
    void *block = alloc_after_miss(bytes);
    if (HAK_UNLIKELY(!block))
        errno = ENOMEM;
    return block;
}

/* One block at a time: a batch would soil the first page of each. */
static void *carve_untouched(struct hak_heap *heap, unsigned class) {
    struct hak_slab *slab = find_slab(heap, class);
    struct hak_block *block;
    if (!slab || slab->free_count || !slab->is_zero)
        return NULL;
    hak_slab_take(heap, slab, 1, &block);
    heap->counters.carved++;
    heap->counters.allocations[class]++;
    heap->level[class]++;
    block->next = NULL;
    block->mark = 0;
    return block;
}

void *hak_alloc_untouched(size_t bytes) {
    struct hak_heap *heap = hak_heap_get();
    unsigned class = hak_class_of(bytes);
    if (!heap || heap->hot.bin[class] != HAK_LIST_END)
        return NULL;
    hak_heap_enter(heap);
    hak_remote_drain(heap);
    void *block = carve_untouched(heap, class);
    hak_heap_verify(heap);
    hak_heap_leave(heap);
    return block;
}

void *hak_alloc_medium(size_t bytes) {
    if (HAK_UNLIKELY(bytes > HAK_CLASS_MAX_BYTES))
        return hak_alloc_slow(bytes);
    return hak_alloc_class(hak_heap_mine, hak_class_of(bytes), bytes);
}

static void retire_if_spare(struct hak_heap *heap, struct hak_slab *slab) {
    struct hak_link *head = &heap->partial[slab->class];
    bool is_only_one = head->next == &slab->link && head->previous == &slab->link;
    if (is_only_one)
        return; /* the last one of its class stays: the next refill would take it again */
    hak_slab_stop(heap, slab);
    heap->counters.slabs_retired++;
    hak_run_give(slab);
}

void hak_cache_return(struct hak_heap *heap, struct hak_block *block) {
    struct hak_range *range = hak_range_of((uintptr_t)block);
    struct hak_slab *slab = range ? hak_range_slab_at(range, (uintptr_t)block) : NULL;
    if (HAK_UNLIKELY(!slab || atomic_load_explicit(&slab->owner, memory_order_relaxed) != heap))
        hak_slab_report_link(block);
    if (hak_slab_give(heap, slab, block))
        retire_if_spare(heap, slab);
}

/* Gives every block of a list back. */
static int64_t return_list(struct hak_heap *heap, struct hak_block *block) {
    int64_t count = 0;
    while (block != HAK_LIST_END) {
        struct hak_block *next = hak_block_next(block);
        hak_cache_return(heap, block);
        block = next;
        count++;
    }
    return count;
}

/* Keeps the `keep` blocks freed last, which are warm; the rest goes back to the slabs. */
static void flush_bin(struct hak_heap *heap, unsigned class, int64_t keep) {
    struct hak_block *rest = heap->hot.bin[class];
    if (keep == 0) {
        heap->hot.bin[class] = HAK_LIST_END;
    } else {
        struct hak_block *last = rest;
        while (--keep)
            last = hak_block_next(last);
        rest = hak_block_next(last);
        last->next = HAK_LIST_END;
        last->mark = hak_mark_local(HAK_LIST_END);
    }
    heap->level[class] -= return_list(heap, rest);
    heap->counters.flushes++;
}

void hak_cache_trip(struct hak_heap *heap, size_t class) {
    hak_heap_enter(heap);
    int64_t cap = bin_cap((unsigned)class);
    if (bin_length(heap, (unsigned)class) > cap / 4 * 3)
        flush_bin(heap, (unsigned)class, cap / 2);
    arm(heap, (unsigned)class);
    hak_heap_verify(heap);
    hak_heap_leave(heap);
}

void hak_cache_push(struct hak_heap *heap, unsigned class, struct hak_block *block) {
    struct hak_block *next = heap->hot.bin[class];
    block->next = next;
    block->mark = hak_mark_local(next);
    heap->hot.bin[class] = block;
    if (++heap->counters.free_countdown[class] == 0)
        hak_cache_trip(heap, class);
}

void hak_cache_flush_all(struct hak_heap *heap) {
    hak_heap_enter(heap);
    for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
        if (heap->hot.bin[class] == HAK_LIST_END)
            continue;
        flush_bin(heap, class, 0);
        arm(heap, class);
    }
    hak_heap_leave(heap);
}

bool hak_cache_lists(const struct hak_heap *heap, unsigned class, const struct hak_block *block) {
    const struct hak_block *entry = heap->hot.bin[class];
    for (; entry != HAK_LIST_END; entry = hak_block_next(entry))
        if (entry == block)
            return true;
    return false;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns trimming by portions. A heap's thread alone writes its state. Invariant: trim_class counts
 * the classes twice; since trims_begun the bins of those below were emptied, then their slabs
 * looked through; trims_done follows at the end.
 */
#include "cache/trim.h"

#include "cache/cache.h"
#include "os/os_time.h"
#include "slabs/sparse.h"

#define HAK_PORTION_BLOCKS 256 /* and their neighbours: each brings in a cache line */
#define HAK_STEP_BLOCKS 32     /* between two looks at the clock */
#define HAK_PORTION_NS 100000  /* then a slab is the last one that is looked through */
#define HAK_REST 4             /* times as long as the portion took */

size_t hak_trim_heap(struct hak_heap *heap) {
    hak_trim_start(heap);
    hak_cache_flush_all(heap);
    return hak_sparse_trim(heap);
}

void hak_trim_start(struct hak_heap *heap) {
    /* relaxed, here and below: see hak_trim_follow */
    heap->trims_begun = atomic_load_explicit(&hak_limit_asks, memory_order_relaxed);
    heap->trims_done = heap->trims_begun;
}

static void begin(struct hak_heap *heap, uint32_t trims) {
    heap->trims_begun = trims;
    heap->trim_class = 1;
    heap->trim_looks = 0;
}

/* True: the bins are empty. */
static bool empty_some_bins(struct hak_heap *heap, uint64_t until_ns) {
    int64_t left = HAK_PORTION_BLOCKS;
    while (heap->trim_class < HAK_CLASS_COUNT) {
        int64_t count = hak_cache_flush_some(heap, heap->trim_class, HAK_STEP_BLOCKS);
        left -= count;
        if (left <= 0 || (count && hak_os_now_ns() >= until_ns))
            return false;
        if (count < HAK_STEP_BLOCKS)
            heap->trim_class++;
    }
    return true;
}

/* True: so were all slabs. */
static bool look_at_some_slabs(struct hak_heap *heap, uint64_t until_ns) {
    struct hak_portion portion = {HAK_SPARSE_EFFORT, until_ns};
    while (heap->trim_class < 2 * HAK_CLASS_COUNT) {
        if (hak_sparse_trim_some(heap, heap->trim_class - HAK_CLASS_COUNT, &portion))
            heap->trim_class++;
        else if (portion.effort <= 0)
            return false;
    }
    return true;
}

void hak_trim_some(struct hak_heap *heap) {
    uint32_t trims = atomic_load_explicit(&hak_limit_asks, memory_order_relaxed);
    if (heap->trims_begun != trims)
        begin(heap, trims);
    uint64_t until_ns = hak_os_now_ns() + HAK_PORTION_NS;
    if (empty_some_bins(heap, until_ns) && look_at_some_slabs(heap, until_ns))
        heap->trims_done = trims;
}

void hak_trim_in_turn(struct hak_heap *heap) {
    uint64_t begun_ns = hak_os_now_ns();
    if (begun_ns < heap->trim_rest_until_ns)
        return;
    hak_trim_some(heap);
    uint64_t ended_ns = hak_os_now_ns();
    heap->trim_rest_until_ns = ended_ns + HAK_REST * (ended_ns - begun_ns);
}

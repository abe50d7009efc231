/* SPDX-License-Identifier: MIT */
/*
 * Owns trimming by portions. A heap's thread alone writes its state. Invariant: bins below
 * trim_class have been emptied since trims_begun; trims_done follows when the slabs were looked
 * through, too.
 */
#include "heap/trim.h"

#include "heap/cache.h"
#include "heap/hollow.h"

#define HAK_PORTION_BLOCKS 256 /* each brings in a cache line, and its slab's record */

_Atomic uint32_t hak_trims;

/* relaxed, here and below: see hak_trim_follow */
void hak_trim_ask(void) {
    atomic_fetch_add_explicit(&hak_trims, 1, memory_order_relaxed);
}

size_t hak_trim_heap(struct hak_heap *heap) {
    hak_trim_start(heap);
    hak_cache_flush_all(heap);
    return hak_hollow_trim(heap);
}

void hak_trim_start(struct hak_heap *heap) {
    heap->trims_begun = atomic_load_explicit(&hak_trims, memory_order_relaxed);
    heap->trims_done = heap->trims_begun;
}

static void begin(struct hak_heap *heap, uint32_t trims) {
    heap->trims_begun = trims;
    heap->trim_class = 1;
    heap->trim_looks = 0;
}

/* True: the bins are empty. */
static bool empty_some_bins(struct hak_heap *heap) {
    int64_t left = HAK_PORTION_BLOCKS;
    while (heap->trim_class < HAK_CLASS_COUNT) {
        left -= hak_cache_flush_some(heap, heap->trim_class, left);
        if (left == 0)
            return false;
        heap->trim_class++;
    }
    return true;
}

void hak_trim_some(struct hak_heap *heap) {
    uint32_t trims = atomic_load_explicit(&hak_trims, memory_order_relaxed);
    if (heap->trims_begun != trims)
        begin(heap, trims);
    if (empty_some_bins(heap) && hak_hollow_trim_some(heap))
        heap->trims_done = trims;
}

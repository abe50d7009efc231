/* SPDX-License-Identifier: MIT */
/*
 * Owns the areas in which places are. An area is planned, not reserved: what isn't mapped counts
 * against no limit. A place belongs to one heap for good, since structures are never unmapped.
 * Where nothing can be planned, each place is reserved.
 */
#include "core/heap_place.h"

#include "base/bits.h"
#include "core/region.h"
#include "os/os_memory.h"

/* Places are an odd number of those apart, so that neighbours share no outbox (cache/remote.h). */
#define HAK_STRIDE_BYTES HAK_KIB(128)

#define HAK_AREA_PLACES 1024u /* at least */
#define HAK_PLACE_TRIES 16u   /* places that somebody else has taken, before there is none */

/*
 * An area is as long as it is aligned, and its first place stays empty: so this word alone says how
 * much of it is left. No lock: a fork's child makes a heap while nobody has made the heap lock
 * usable again. relaxed: nothing is read because of it.
 */
static _Atomic uintptr_t area_next;

static size_t place_bytes(size_t extra_bytes) {
    size_t table_bytes = hak_max(hak_regions[0].slabs * sizeof(uint32_t), extra_bytes);
    size_t bytes = offsetof(struct hak_heap, slab_bound) + table_bytes + HAK_PAGE_MAX_BYTES;
    return hak_round_up(bytes, 2 * HAK_STRIDE_BYTES) + HAK_STRIDE_BYTES;
}

static size_t structure_bytes(size_t extra_bytes) {
    return extra_bytes ? offsetof(struct hak_heap, slab_bound) + extra_bytes
                       : offsetof(struct hak_heap, counters) + sizeof(struct hak_thread_counters);
}

static size_t area_bytes(size_t bytes) {
    return (size_t)1 << (hak_log2_floor(bytes * HAK_AREA_PLACES - 1) + 1);
}

static bool has_place(uintptr_t next, size_t bytes) {
    size_t used_bytes = next % area_bytes(bytes);
    return used_bytes && used_bytes + bytes <= area_bytes(bytes);
}

/* 0: none is left. */
static uintptr_t next_place(size_t bytes) {
    uintptr_t place = atomic_load_explicit(&area_next, memory_order_relaxed);
    while (has_place(place, bytes))
        if (atomic_compare_exchange_weak_explicit(&area_next, &place, place + bytes,
                                                  memory_order_relaxed, memory_order_relaxed))
            return place;
    return 0;
}

/* Of two threads that do so at once, one plans in vain. */
static bool plan_area(size_t bytes) {
    uintptr_t start = hak_os_plan(area_bytes(bytes), area_bytes(bytes));
    if (start)
        atomic_store_explicit(&area_next, start + bytes, memory_order_relaxed);
    return start != 0;
}

static struct hak_heap *place_planned(size_t bytes, size_t used_bytes) {
    for (unsigned tries = 0; tries < HAK_PLACE_TRIES; tries++) {
        uintptr_t place = next_place(bytes);
        if (!place && !plan_area(bytes))
            return NULL;
        if (!place)
            continue;
        enum hak_placing placing = hak_os_place((void *)place, used_bytes);
        if (placing == HAK_PLACED)
            return (struct hak_heap *)place;
        if (placing == HAK_PLACE_FAILED)
            return NULL;
    }
    return NULL;
}

static struct hak_heap *place_reserved(size_t bytes, size_t used_bytes) {
    char *start = hak_os_reserve(bytes + HAK_PAGE_MAX_BYTES, HAK_PAGE_MAX_BYTES);
    if (!start)
        return NULL;
    struct hak_heap *heap = (struct hak_heap *)(start + HAK_PAGE_MAX_BYTES);
    if (!hak_os_commit(heap, used_bytes)) {
        hak_os_unreserve(start, bytes + HAK_PAGE_MAX_BYTES);
        return NULL;
    }
    heap->is_reserved = true;
    return heap;
}

struct hak_heap *hak_heap_place(size_t extra_bytes) {
    size_t bytes = place_bytes(extra_bytes);
    size_t used_bytes = hak_round_up(structure_bytes(extra_bytes), hak_os_page_bytes);
    struct hak_heap *heap = NULL;
    if (!hak_regions[0].is_reserved)
        heap = place_planned(bytes, used_bytes);
    else
        heap = place_reserved(bytes, used_bytes);
    if (heap) {
        bool is_reserved = heap->is_reserved;
        hak_os_drop_locked(heap, used_bytes);
        heap->is_reserved = is_reserved;
    }
    return heap;
}

/* One byte in a table must not cost a huge page. */
static void shun_huge_pages(struct hak_heap *heap, size_t end_bytes) {
    if (end_bytes >= HAK_SUPERSLAB_BYTES)
        hak_os_advise_huge(heap, end_bytes, false);
}

size_t hak_heap_place_table(struct hak_heap *heap, size_t slabs) {
    size_t base = offsetof(struct hak_heap, slab_bound);
    size_t mapped = atomic_load_explicit(&heap->shown_slabs, memory_order_relaxed);
    size_t from = hak_round_up(mapped ? base + mapped * sizeof(uint32_t) : structure_bytes(0),
                               hak_os_page_bytes);
    size_t to = hak_round_up(base + slabs * sizeof(uint32_t), hak_os_page_bytes);
    bool done = heap->is_reserved ? hak_os_commit((char *)heap + from, to - from)
                                  : hak_os_place((char *)heap + from, to - from) == HAK_PLACED;
    if (!done)
        return mapped;
    shun_huge_pages(heap, to);
    return hak_min((to - base) / sizeof(uint32_t), hak_regions[0].slabs);
}

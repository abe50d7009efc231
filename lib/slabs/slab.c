/* SPDX-License-Identifier: MIT */
/*
 * Owns the blocks of one slab. Called by the owner heap's thread, or under the heap lock for the
 * abandoned heap. Invariant: used + free_count + purged_count == carved <= capacity; a slab is on
 * the full list exactly if it has neither a free nor a purged nor an uncarved block; its owner's
 * slab_bound is that of what is carved, or 0: free() of its owner then takes the slow path, and
 * must while a page is purged, since the memory of a purged block doesn't show that it is free, and
 * while the slab is evacuated, since no bin may get its blocks.
 */
#include "slabs/slab.h"

#include "base/bits.h"
#include "base/wipe.h"
#include "core/hardened.h"
#include "core/heap_place.h"
#include "core/lock.h"
#include "os/os_fatal.h"
#include "os/os_memory.h"
#include "pages/huge.h"
#include "stats/process.h"

#define HAK_UNPUBLISHED_FREES 128 /* a page of slab_bound costs more than as many slow ones */

static bool is_exhausted(const struct hak_slab *slab) {
    return slab->free_count == 0 && hak_slab_carved(slab) == slab->capacity &&
           slab->purged_count == 0;
}

/* The word by which free() knows the owner; slabs outside the main region, or behind the table's
 * end, have none. */
HAK_INLINE void set_bound(struct hak_heap *heap, const struct hak_slab *slab, unsigned count) {
    size_t index = (size_t)(slab - hak_regions[0].slab);
    /* acquire pairs with the release in show: the table is mapped so far */
    if (index < atomic_load_explicit(&heap->shown_slabs, memory_order_acquire))
        heap->slab_bound[index] = hak_purged_page_mask(slab) || slab->is_evacuated
                                      ? 0
                                      : hak_size_class_bound(slab->size_class, count);
}

static void set_carved(struct hak_slab *slab, unsigned count) {
    atomic_store_explicit(&slab->carved, (uint16_t)count, memory_order_relaxed);
}

static void join_list(struct hak_heap *heap, struct hak_slab *slab) {
    slab->is_full = is_exhausted(slab);
    struct hak_link *head =
        slab->is_full ? &heap->full : &heap->bin_state[slab->size_class].partial;
    if (HAK_UNLIKELY(hak_list_is_unused(head)))
        hak_list_init(head);
    hak_list_push_front(head, &slab->link);
}

/* release pairs with the acquire where a freer reads the owner: the record is complete */
static void set_owner(struct hak_slab *slab, struct hak_heap *heap) {
    atomic_store_explicit(&slab->owner, heap, memory_order_release);
}

/* What of the slab's memory has been touched: a slab of dirty memory is, as a whole. */
HAK_INLINE size_t touched_bytes(const struct hak_slab *slab) {
    size_t carved_bytes = (size_t)hak_slab_carved(slab) * hak_size_class_bytes[slab->size_class];
    size_t step_bytes = slab->is_populated ? hak_slab_step_bytes() : hak_os_page_bytes;
    return slab->is_zero ? hak_round_up(carved_bytes, step_bytes) : HAK_SLAB_BYTES;
}

/* What is purged isn't there. */
static HAK_SLOW void count_purged(struct hak_heap *heap, const struct hak_slab *slab, int sign) {
    int64_t pages = __builtin_popcount(hak_purged_page_mask(slab));
    int64_t bytes = pages * (int64_t)hak_os_page_bytes;
    heap->counters.of[slab->size_class].blocks_carved -=
        (uint64_t)(sign * (int64_t)slab->purged_count);
    heap->counters.of[slab->size_class].slab_bytes -= (uint64_t)(sign * bytes);
}

static void count_join(struct hak_heap *heap, const struct hak_slab *slab) {
    heap->counters.of[slab->size_class].slabs++;
    heap->counters.of[slab->size_class].blocks_carved += hak_slab_carved(slab);
    heap->counters.of[slab->size_class].slab_bytes += touched_bytes(slab);
    if (HAK_UNLIKELY(slab->purged_count))
        count_purged(heap, slab, 1);
}

static void count_leave(struct hak_heap *heap, const struct hak_slab *slab) {
    heap->counters.of[slab->size_class].slabs--;
    heap->counters.of[slab->size_class].blocks_carved -= hak_slab_carved(slab);
    heap->counters.of[slab->size_class].slab_bytes -= touched_bytes(slab);
    if (HAK_UNLIKELY(slab->purged_count))
        count_purged(heap, slab, -1);
}

void hak_slab_start(struct hak_heap *heap, struct hak_slab *slab, unsigned size_class) {
    if (HAK_UNLIKELY(hak_hardened.is_on) && !slab->is_zero)
        hak_wipe((void *)hak_region_slab_address(slab), HAK_SLAB_BYTES);
    slab->free = HAK_LIST_END;
    slab->free_count = 0;
    set_carved(slab, 0);
    hak_purged_page_set(slab, 0, 0);
    slab->checked_free = 0;
    slab->is_populated = false;
    slab->used = 0;
    slab->capacity = (uint16_t)(HAK_SLAB_BYTES / hak_size_class_bytes[size_class]);
    slab->size_class = (uint8_t)size_class;
    set_owner(slab, heap);
    atomic_store_explicit(&slab->state, HAK_SLAB_BLOCKS, memory_order_release);
    set_bound(heap, slab, 0);
    count_join(heap, slab);
    join_list(heap, slab);
}

/* Its memory is no longer as populating left it. */
static void forget_populated(struct hak_slab *slab) {
    if (slab->is_populated)
        hak_huge_note_filled(false);
    slab->is_populated = false;
}

void hak_slab_note_populated(struct hak_slab *slab) {
    hak_assert(hak_slab_carved(slab) == 0);
    slab->is_populated = true;
    hak_huge_note_filled(true);
}

void hak_slab_evacuate(struct hak_heap *heap, struct hak_slab *slab) {
    struct hak_evacuation *evacuation = &heap->evacuation[slab->size_class];
    if (hak_list_is_unused(&evacuation->slabs))
        hak_list_init(&evacuation->slabs);
    heap->has_evacuated = true;
    hak_list_remove(&slab->link);
    hak_list_push_back(&evacuation->slabs, &slab->link);
    evacuation->slab_count++;
    evacuation->used += slab->used;
    slab->is_evacuated = true;
    set_bound(heap, slab, 0);
}

/* The caller puts it on another list, or takes it off all. */
static void end_evacuation(struct hak_heap *heap, struct hak_slab *slab) {
    if (HAK_LIKELY(!slab->is_evacuated))
        return;
    slab->is_evacuated = false;
    heap->evacuation[slab->size_class].slab_count--;
    heap->evacuation[slab->size_class].used -= slab->used;
}

/* The class has no other slab with a block to give. */
static HAK_SLOW void use_again(struct hak_heap *heap, struct hak_slab *slab) {
    end_evacuation(heap, slab);
    set_bound(heap, slab, hak_slab_carved(slab));
    hak_slab_relist(heap, slab);
}

void hak_slab_move(struct hak_heap *from, struct hak_heap *to, struct hak_slab *slab) {
    hak_list_remove(&slab->link);
    end_evacuation(from, slab);
    set_bound(from, slab, 0);
    set_owner(slab, to);
    set_bound(to, slab, hak_slab_carved(slab));
    hak_slab_count_used(from, slab->size_class, -(int64_t)slab->used);
    hak_slab_count_used(to, slab->size_class, slab->used);
    count_leave(from, slab);
    count_join(to, slab);
    join_list(to, slab);
}

void hak_slab_stop(struct hak_heap *heap, struct hak_slab *slab) {
    hak_assert(slab->used == 0);
    hak_list_remove(&slab->link);
    end_evacuation(heap, slab);
    count_leave(heap, slab);
    forget_populated(slab);
    hak_purged_page_set(slab, 0, 0);
    set_bound(heap, slab, 0);
    set_owner(slab, NULL);
    atomic_store_explicit(&slab->state, HAK_SLAB_MOVING, memory_order_relaxed);
}

void hak_slab_report_stray(const struct hak_slab *slab, const void *pointer) {
    bool is_start = hak_slab_has_start(slab, (uintptr_t)pointer);
    hak_fatal(is_start ? HAK_FATAL_INVALID_FREE : HAK_FATAL_INTERIOR_FREE, pointer,
              hak_size_class_bytes[slab->size_class], hak_heap_owner_thread(slab));
}

void hak_slab_check(const struct hak_slab *slab, const struct hak_block *block) {
    if (HAK_UNLIKELY(!hak_slab_has_block(slab, (uintptr_t)block)))
        hak_slab_report_stray(slab, block);
}

/* Chains `count` blocks of untouched memory, in address order, in front of the list's end. */
static struct hak_block *carve(struct hak_heap *heap, struct hak_slab *slab, unsigned count) {
    size_t bytes = hak_size_class_bytes[slab->size_class];
    unsigned carved = hak_slab_carved(slab);
    char *first = (char *)hak_region_slab_address(slab) + carved * bytes;
    struct hak_block *next = HAK_LIST_END;
    for (unsigned i = count; i-- > 0;) {
        struct hak_block *block = (struct hak_block *)(first + i * bytes);
        hak_block_link(block, next);
        next = block;
    }
    set_carved(slab, carved + count);
    set_bound(heap, slab, carved + count);
    return next;
}

/* Unlinks the first `count` blocks of the slab's list. */
static struct hak_block *unlink_blocks(struct hak_slab *slab, unsigned count) {
    struct hak_block *first = slab->free;
    if (count == slab->free_count) {
        slab->free = HAK_LIST_END;
    } else {
        struct hak_block *last = first;
        for (unsigned i = 1; i < count; i++)
            last = hak_block_next(last);
        slab->free = hak_block_next(last);
        hak_block_link(last, HAK_LIST_END);
    }
    slab->free_count = (uint16_t)(slab->free_count - count);
    return first;
}

unsigned hak_slab_leave_pages(struct hak_heap *heap, struct hak_slab *slab, unsigned least) {
    unsigned pages = hak_purged_page_candidates(slab) & ~hak_purged_page_mask(slab);
    slab->checked_free = slab->free_count;
    if ((unsigned)__builtin_popcount(pages) < least)
        return 0;
    count_leave(heap, slab);
    unsigned count = hak_purged_page_unlist(slab, pages);
    slab->free_count = (uint16_t)(slab->free_count - count);
    hak_purged_page_set(slab, hak_purged_page_mask(slab) | pages, slab->purged_count + count);
    slab->checked_free = slab->free_count;
    count_join(heap, slab);
    set_bound(heap, slab, 0);
    return pages;
}

/* As many pages as `wanted` blocks need. */
static HAK_SLOW void carve_purged(struct hak_heap *heap, struct hak_slab *slab, unsigned wanted) {
    count_leave(heap, slab);
    while (slab->purged_count && slab->free_count < wanted)
        hak_purged_page_carve(slab);
    slab->checked_free = 0;
    count_join(heap, slab);
    set_bound(heap, slab, hak_slab_carved(slab));
}

/* Makes the next `count` blocks' memory resident, up to the end of a step. */
static void populate_next(const struct hak_slab *slab, unsigned count) {
    size_t bytes = hak_size_class_bytes[slab->size_class], carved = hak_slab_carved(slab);
    size_t from = hak_round_up(carved * bytes, hak_slab_step_bytes());
    size_t to = hak_round_up((carved + count) * bytes, hak_slab_step_bytes());
    to = hak_min(to, HAK_SLAB_BYTES);
    if (from < to)
        hak_os_populate((char *)hak_region_slab_address(slab) + from, to - from);
}

unsigned hak_slab_prepare(const struct hak_slab *slab, unsigned wanted) {
    if (slab->free_count || !slab->is_zero)
        return wanted;
    size_t most = hak_slab_step_bytes() / hak_size_class_bytes[slab->size_class];
    wanted = (unsigned)hak_min(wanted, hak_max(most, 1));
    if (slab->is_populated)
        populate_next(slab, wanted);
    return wanted;
}

unsigned hak_slab_take(struct hak_heap *heap, struct hak_slab *slab, unsigned wanted,
                       struct hak_block **ret_first) {
    unsigned count;
    if (HAK_UNLIKELY(slab->is_evacuated))
        use_again(heap, slab);
    if (HAK_UNLIKELY(slab->purged_count) && slab->free_count == 0)
        carve_purged(heap, slab, wanted);
    if (slab->free_count) {
        count = wanted < slab->free_count ? wanted : slab->free_count;
        *ret_first = unlink_blocks(slab, count);
    } else {
        unsigned left = slab->capacity - hak_slab_carved(slab);
        count = wanted < left ? wanted : left;
        size_t touched = touched_bytes(slab);
        *ret_first = carve(heap, slab, count);
        heap->counters.of[slab->size_class].blocks_carved += count;
        heap->counters.of[slab->size_class].slab_bytes += touched_bytes(slab) - touched;
    }
    slab->used = (uint16_t)(slab->used + count);
    hak_slab_count_used(heap, slab->size_class, count);
    if (!slab->is_full && is_exhausted(slab)) {
        slab->checked_free = 0;
        hak_list_remove(&slab->link);
        join_list(heap, slab);
    }
    return count;
}

void hak_slab_relist(struct hak_heap *heap, struct hak_slab *slab) {
    hak_list_remove(&slab->link);
    join_list(heap, slab);
}

/* True: the slab is empty now. */
static bool give_one(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block) {
    hak_slab_join_list(slab, block, block, 1);
    hak_slab_count_used(heap, slab->size_class, -1);
    if (HAK_UNLIKELY(slab->is_evacuated))
        heap->evacuation[slab->size_class].used--;
    if (slab->is_full)
        hak_slab_relist(heap, slab);
    return slab->used == 0;
}

bool hak_slab_return(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block) {
    hak_slab_check(slab, block);
    return give_one(heap, slab, block);
}

void hak_slab_return_remote(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block) {
    while (block) {
        struct hak_block *next = hak_block_next_remote(block);
        give_one(heap, slab, block);
        block = next;
    }
}

/* The table is to have a word for so many slabs. False: it can't be. */
static bool show(struct hak_heap *heap, size_t slabs) {
    size_t old_slabs = atomic_load_explicit(&heap->shown_slabs, memory_order_relaxed);
    size_t wish = hak_min(hak_max(slabs, old_slabs + old_slabs / 4), hak_regions[0].slabs);
    size_t shown = hak_heap_place_table(heap, wish);
    if (shown < slabs)
        return false;
    heap->hot.region_slabs = shown;
    heap->hot.region_base = hak_regions[0].base;
    /* release pairs with the acquire in set_bound */
    atomic_store_explicit(&heap->shown_slabs, shown, memory_order_release);
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.metadata_bytes += hak_os_page_bytes;
    hak_lock_release(&hak_heap_lock);
    return true;
}

void hak_slab_show_first(struct hak_heap *heap, size_t slabs) {
    if (!hak_hardened.is_on)
        show(heap, hak_min(slabs, hak_regions[0].slabs));
}

void hak_slab_publish(struct hak_heap *heap, const struct hak_slab *slab) {
    size_t index = (size_t)(slab - hak_regions[0].slab);
    if (index >= hak_regions[0].slabs || HAK_UNLIKELY(hak_hardened.is_on))
        return;
    if (index >= atomic_load_explicit(&heap->shown_slabs, memory_order_relaxed)) {
        if (heap->unpublished_frees < HAK_UNPUBLISHED_FREES) {
            heap->unpublished_frees++;
            return;
        }
        heap->unpublished_frees = 0;
        if (!show(heap, index + 1))
            return;
    }
    set_bound(heap, slab, hak_slab_carved(slab));
}

void hak_slab_retract(struct hak_heap *heap, struct hak_slab *slab) {
    set_bound(heap, slab, 0);
}

void hak_slab_reset(struct hak_heap *heap, struct hak_slab *slab, bool is_zero) {
    hak_assert(slab->purged_count == 0);
    hak_list_remove(&slab->link);
    end_evacuation(heap, slab);
    hak_slab_count_used(heap, slab->size_class, -(int64_t)slab->used);
    count_leave(heap, slab);
    slab->free = HAK_LIST_END;
    slab->free_count = 0;
    set_carved(slab, 0);
    slab->used = 0;
    slab->is_zero = is_zero;
    forget_populated(slab);
    count_join(heap, slab);
    join_list(heap, slab);
}

bool hak_slab_lists(const struct hak_slab *slab, const struct hak_block *block) {
    const struct hak_block *entry = slab->free;
    for (; entry != HAK_LIST_END; entry = hak_block_next(entry))
        if (entry == block)
            return true;
    return false;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns large blocks. The thread that holds a block is the only one that touches its record while it
 * is LARGE; the state is taken back by compare-and-swap, so of two frees at once one is fatal.
 * Invariant: large_bytes is a multiple of the OS page, and fits the run.
 */
#include "heap/large.h"

#include "heap/fence.h"
#include "heap/free_run.h"
#include "heap/growth.h"
#include "heap/hardened_block.h"
#include "heap/huge.h"
#include "heap/large_hardened.h"
#include "heap/limit.h"
#include "heap/orphan.h"
#include "heap/sample.h"
#include "heap/superslab.h"
#include "os/os_fatal.h"
#include "os/os_maps.h"
#include "os/os_memory.h"
#include "stats/process.h"

#include <string.h>

/* Below it, copying is cheaper than moving page tables (mremap costs some microseconds). */
#define HAK_MOVE_MIN_BYTES HAK_KIB(256)

#define HAK_MOVE_MAPS 500u  /* more mappings than that among our blocks: copy */
#define HAK_MOVE_ROUND 100u /* moves or copies between two looks at their number */

/*
 * Pages that were moved keep a mapping of their own, and a process has only so many. relaxed: an
 * estimate, and whoever starts a round counts.
 */
static bool may_move(void) {
    static _Atomic uint32_t wishes;
    static _Atomic bool is_many;
    if (atomic_fetch_add_explicit(&wishes, 1, memory_order_relaxed) % HAK_MOVE_ROUND ==
        HAK_MOVE_ROUND - 1) {
        const struct hak_range *main = &hak_ranges[0];
        size_t maps = hak_os_maps_count(main->base, main->base + main->slabs * HAK_SLAB_BYTES);
        atomic_store_explicit(&is_many, maps > HAK_MOVE_MAPS, memory_order_relaxed);
    }
    return !atomic_load_explicit(&is_many, memory_order_relaxed);
}

/* A thread without a heap counts in the orphans' record, which the heap lock guards, too. */
static void count_large(int64_t bytes, unsigned allocations, unsigned frees) {
    struct hak_heap *heap = hak_heap_get();
    struct hak_thread_counters *thread = heap ? &heap->counters : &hak_orphan_heap->counters;
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.large_bytes += (uint64_t)bytes;
    hak_process_counters.large_allocations += allocations;
    hak_process_counters.large_frees += frees;
    thread->large_blocks_taken += allocations;
    thread->large_blocks_freed += frees;
    if (bytes > 0)
        thread->large_bytes_taken += (uint64_t)bytes;
    else
        thread->large_bytes_freed -= (uint64_t)bytes;
    hak_lock_give(&hak_heap_lock);
}

static size_t slabs_for(size_t bytes) {
    return (bytes + HAK_SLAB_BYTES - 1) >> HAK_SLAB_SHIFT;
}

/* Near a limit, dirty pages behind the block are given back, for it may keep them for good. */
static void purge_tail(const struct hak_slab *slab) {
    size_t tail_bytes = hak_run_bytes(slab) - slab->large_bytes;
    if (tail_bytes && !slab->is_zero && hak_limit_is_near() && !hak_huge_is_pooled(slab))
        hak_os_purge((char *)hak_slab_address(slab) + slab->large_bytes, tail_bytes);
}

static struct hak_slab *take_run(size_t bytes, size_t alignment_slabs) {
    struct hak_slab *slab = hak_run_take(slabs_for(bytes), alignment_slabs);
    if (!slab)
        return NULL;
    slab->large_bytes = hak_round_up(bytes, hak_os_page_bytes);
    slab->class = HAK_CLASS_NONE;
    purge_tail(slab);
    return slab;
}

static void become_large(struct hak_slab *slab) {
    slab->sample = 0;
    slab->block_bytes = 0;
    /* release pairs with the acquire in hak_large_free */
    atomic_store_explicit(&slab->state, HAK_SLAB_LARGE, memory_order_release);
    count_large((int64_t)slab->large_bytes, 1, 0);
}

struct hak_slab *hak_large_take(size_t bytes, size_t alignment) {
    if (bytes > PTRDIFF_MAX - HAK_SLAB_BYTES || alignment > PTRDIFF_MAX / 2)
        return NULL;
    size_t alignment_slabs = hak_max(alignment >> HAK_SLAB_SHIFT, 1);
    struct hak_slab *slab = HAK_UNLIKELY(hak_hardened.is_on)
                                ? hak_large_hardened_take(bytes, alignment_slabs)
                                : take_run(bytes, alignment_slabs);
    if (slab)
        become_large(slab);
    return slab;
}

/* Not for what realloc makes longer: it would have to move, where others are lengthened. */
static struct hak_slab *take_fenced(size_t bytes, size_t alignment) {
    if (!hak_fence_is_on || bytes > PTRDIFF_MAX - HAK_SUPERSLAB_BYTES || alignment > HAK_SLAB_BYTES)
        return NULL;
    struct hak_slab *slab = hak_fence_take(bytes);
    if (slab)
        become_large(slab);
    return slab;
}

void *hak_large_alloc(size_t bytes, size_t alignment, bool *ret_is_zero) {
    /* A hardened block knows that none were asked for. */
    size_t least = hak_hardened.is_on ? 0 : 1;
    struct hak_slab *slab = take_fenced(hak_max(bytes, 1), alignment);
    if (!slab)
        slab = hak_large_take(hak_max(bytes, least), alignment);
    if (!slab)
        return NULL;
    struct hak_block *block = (struct hak_block *)hak_slab_address(slab);
    if (ret_is_zero)
        *ret_is_zero = slab->is_zero;
    if (!slab->is_zero && !hak_hardened.is_on)
        block->mark = 0; /* a copy of the block must not look like a free one */
    hak_sample_large(slab, bytes);
    return block;
}

void hak_large_free(struct hak_slab *slab, void *pointer) {
    uint8_t large = HAK_SLAB_LARGE;
    /* acquire pairs with the release in hak_large_take */
    if (!atomic_compare_exchange_strong_explicit(&slab->state, &large, HAK_SLAB_MOVING,
                                                 memory_order_acquire, memory_order_relaxed))
        hak_fatal(HAK_FATAL_DOUBLE_FREE, pointer, 0, HAK_NO_THREAD);
    hak_sample_drop(slab, pointer);
    count_large(-(int64_t)slab->large_bytes, 0, 1);
    if (HAK_UNLIKELY(hak_hardened.is_on))
        hak_large_hardened_give(slab);
    else if (slab->is_fenced)
        hak_fence_give(slab);
    else
        hak_run_give(slab);
}

static void set_bytes(struct hak_slab *slab, size_t bytes) {
    size_t rounded = hak_round_up(bytes, hak_os_page_bytes);
    count_large((int64_t)rounded - (int64_t)slab->large_bytes, 0, 0);
    slab->large_bytes = rounded;
    slab->block_bytes = 0;
}

/* Whole pages to where zeroes are: pages of zeroes, which may never have been touched, stay away.
 */
static void copy_sparse(char *target, const char *source, size_t bytes) {
    size_t step = hak_os_page_bytes;
    for (size_t at = 0; at < bytes; at += step)
        if (source[at] || memcmp(source + at, source + at + 1, step - 1) != 0)
            memcpy(target + at, source + at, step);
}

/* Moves the pages if that is cheaper and the kernel can, else copies them. */
static void move_content(struct hak_slab *to, struct hak_slab *from, size_t bytes) {
    void *source = (void *)hak_slab_address(from);
    void *target = (void *)hak_slab_address(to);
    bool is_pooled = hak_huge_is_pooled(to) || hak_huge_is_pooled(from);
    if (bytes >= HAK_MOVE_MIN_BYTES && !is_pooled && may_move() &&
        hak_os_move(source, target, bytes))
        to->is_moved = true;
    else if (bytes >= HAK_MOVE_MIN_BYTES && to->is_zero && !hak_hardened.is_on)
        copy_sparse(target, source, bytes);
    else
        memcpy(target, source, bytes);
}

/* Whole pages are moved, the rest is copied: what is behind it in the new block is its own. */
static void *resize_hardened(struct hak_slab *slab, void *pointer, size_t bytes) {
    size_t old_bytes = hak_hardened_bytes(slab, pointer);
    size_t old_large_bytes = slab->large_bytes;
    if (hak_large_hardened_resize(slab, bytes)) {
        count_large((int64_t)slab->large_bytes - (int64_t)old_large_bytes, 0, 0);
        slab->block_bytes = 0;
        hak_sample_drop(slab, pointer);
        hak_sample_large(slab, bytes);
        return pointer;
    }
    struct hak_slab *other = hak_large_take(bytes, HAK_SLAB_BYTES);
    if (!other)
        return NULL;
    size_t kept = hak_min(old_bytes, bytes);
    size_t moved = kept < HAK_MOVE_MIN_BYTES ? 0 : hak_round_down(kept, hak_os_page_bytes);
    char *target = (char *)hak_slab_address(other);
    memcpy(target + moved, (char *)pointer + moved, kept - moved);
    if (moved)
        move_content(other, slab, moved);
    hak_large_free(slab, pointer);
    hak_sample_large(other, bytes);
    return target;
}

static void *keep_resized(struct hak_slab *slab, void *pointer, size_t bytes) {
    set_bytes(slab, bytes);
    hak_sample_drop(slab, pointer);
    hak_sample_large(slab, bytes);
    return pointer;
}

/* Where it lies, if it gets shorter by less than a slab; the fence behind it stays where it is. */
static bool resize_fenced(struct hak_slab *slab, size_t bytes) {
    size_t rounded = hak_round_up(bytes, hak_os_page_bytes);
    if (rounded > slab->large_bytes || slabs_for(rounded) < slabs_for(slab->large_bytes))
        return false;
    if (rounded < slab->large_bytes)
        hak_os_purge((char *)hak_slab_address(slab) + rounded, slab->large_bytes - rounded);
    return true;
}

static bool resize_in_place(struct hak_slab *slab, size_t bytes) {
    if (slab->is_fenced)
        return resize_fenced(slab, bytes);
    size_t slabs = slabs_for(bytes);
    if (slabs < slab->run_slabs)
        hak_run_shrink(slab, slabs);
    return slabs <= slab->run_slabs || hak_run_extend(slab, slabs);
}

void *hak_large_resize(struct hak_slab *slab, void *pointer, size_t bytes) {
    if (bytes > PTRDIFF_MAX - HAK_SLAB_BYTES)
        return NULL;
    if (HAK_UNLIKELY(hak_hardened.is_on))
        return resize_hardened(slab, pointer, bytes);
    if (resize_in_place(slab, bytes))
        return keep_resized(slab, pointer, bytes);
    bool is_copied = slab->large_bytes < HAK_MOVE_MIN_BYTES;
    size_t wish = is_copied ? hak_growth_wish(pointer, slab->large_bytes, bytes) : bytes;
    struct hak_slab *other = hak_large_take(wish, HAK_SLAB_BYTES);
    if (!other)
        return NULL;
    hak_growth_note(pointer, (void *)hak_slab_address(other));
    move_content(other, slab, hak_min(slab->large_bytes, other->large_bytes));
    hak_large_free(slab, pointer);
    hak_sample_large(other, bytes);
    return (void *)hak_slab_address(other);
}

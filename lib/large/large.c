/* SPDX-License-Identifier: MIT */
/*
 * Owns large blocks. The thread that holds a block is the only one that touches its record while it
 * is LARGE; the state is taken back by compare-and-swap, so of two frees at once one is fatal.
 * Invariant: large_bytes is a multiple of the OS page, and fits the run.
 */
#include "large/large.h"

#include "front/pressure.h"
#include "hardening/hardened_block.h"
#include "large/growth_hint.h"
#include "large/guard_page.h"
#include "large/large_hardened.h"
#include "large/sample.h"
#include "os/os_fatal.h"
#include "os/os_memory.h"
#include "pages/free_run.h"
#include "pages/huge.h"
#include "pages/limit.h"
#include "pages/renew.h"
#include "pages/run.h"
#include "stats/process.h"

#include <string.h>

/*
 * realloc moves the pages of a block from this size on, and copies what is shorter: freed memory of
 * that length is mostly still resident, so that a copy costs no fault, while pages that are moved
 * away are missed at both ends. (Buffers that grow to 600 KB: 130,000 faults if pages are moved
 * from 256 KiB on, 1,800 from 16 MiB on. One buffer that grows to 1 GiB by an eighth at a time, its
 * neighbours in the way: 262,000 faults for its own pages, 1,100,000 if it is copied.)
 */
#define HAK_MOVE_MIN_BYTES HAK_MIB(16)

/*
 * A block whose pages were moved is a mapping of its own, and a process has only so many
 * (vm.max_map_count). A block is moved only if it is at least this part of what is in use, so the
 * mappings are a few hundred at most.
 */
#define HAK_MOVE_SHARE 256u

/* Of a block that is several mappings: shorter ones are copied, and what comes behind so many. */
#define HAK_PIECE_BYTES HAK_SUPERSLAB_BYTES
#define HAK_MOVE_TRIES 8u

/* A thread without a heap counts in the abandoned heap's record, which the heap lock guards, too.
 */
static void count_large(int64_t bytes, unsigned allocations, unsigned frees) {
    struct hak_heap *heap = hak_heap_get();
    struct hak_thread_counters *thread = heap ? &heap->counters : &hak_abandoned_heap->counters;
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
    hak_lock_release(&hak_heap_lock);
}

static size_t slabs_for(size_t bytes) {
    return (bytes + HAK_SLAB_BYTES - 1) >> HAK_SLAB_SHIFT;
}

/* Near a limit, dirty pages behind the block are given back, for it may keep them for good. */
static void purge_tail(const struct hak_slab *slab) {
    size_t tail_bytes = hak_slab_record_run_bytes(slab) - slab->large_bytes;
    if (tail_bytes && !slab->is_zero && hak_limit_is_near() && !hak_huge_is_pooled(slab))
        hak_os_purge((char *)hak_region_slab_address(slab) + slab->large_bytes, tail_bytes);
}

static struct hak_slab *take_run(size_t bytes, size_t alignment_slabs) {
    struct hak_slab *slab = hak_pressure_take_run(slabs_for(bytes), alignment_slabs);
    if (!slab)
        return NULL;
    slab->large_bytes = hak_round_up(bytes, hak_os_page_bytes);
    slab->size_class = HAK_CLASS_NONE;
    purge_tail(slab);
    return slab;
}

static void become_large(struct hak_slab *slab) {
    slab->sample = 0;
    slab->block_bytes = 0;
    /* release pairs with the acquire in leave_large */
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
static struct hak_slab *take_with_guard_page(size_t bytes, size_t alignment) {
    if (!hak_guard_page_is_on || bytes > PTRDIFF_MAX - HAK_SUPERSLAB_BYTES ||
        alignment > HAK_SLAB_BYTES)
        return NULL;
    struct hak_slab *slab = hak_guard_page_take(bytes);
    if (slab)
        become_large(slab);
    return slab;
}

void *hak_large_alloc(size_t bytes, size_t alignment, bool *ret_is_zero) {
    /* A hardened block knows that none were asked for. */
    size_t least = hak_hardened.is_on ? 0 : 1;
    struct hak_slab *slab = take_with_guard_page(hak_max(bytes, 1), alignment);
    if (!slab)
        slab = hak_large_take(hak_max(bytes, least), alignment);
    if (!slab)
        return NULL;
    struct hak_block *block = (struct hak_block *)hak_region_slab_address(slab);
    if (ret_is_zero)
        *ret_is_zero = slab->is_zero;
    if (!slab->is_zero && !hak_hardened.is_on)
        block->mark = 0; /* a copy of the block must not look like a free one */
    hak_sample_large(slab, bytes);
    return block;
}

/* From here on the block is no longer the program's. */
static void leave_large(struct hak_slab *slab, void *pointer) {
    uint8_t large = HAK_SLAB_LARGE;
    /* acquire pairs with the release in become_large */
    if (!atomic_compare_exchange_strong_explicit(&slab->state, &large, HAK_SLAB_MOVING,
                                                 memory_order_acquire, memory_order_relaxed))
        hak_fatal(HAK_FATAL_DOUBLE_FREE, pointer, 0, HAK_NO_THREAD);
    hak_sample_drop(slab, pointer);
    count_large(-(int64_t)slab->large_bytes, 0, 1);
}

void hak_large_free(struct hak_slab *slab, void *pointer) {
    leave_large(slab, pointer);
    if (HAK_UNLIKELY(hak_hardened.is_on))
        hak_large_hardened_return(slab);
    else if (slab->has_guard_page)
        hak_guard_page_return(slab);
    else
        hak_run_return(slab);
}

/* The block's pages are elsewhere now. */
static void free_moved(struct hak_slab *slab, void *pointer) {
    if (slab->has_guard_page) {
        hak_large_free(slab, pointer);
        return;
    }
    leave_large(slab, pointer);
    if (hak_renew_run(slab))
        hak_run_return_clean(slab);
    else
        hak_run_return(slab);
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

static void copy_content(struct hak_slab *to, const struct hak_slab *from, size_t bytes) {
    void *target = (void *)hak_region_slab_address(to);
    const void *source = (const void *)hak_region_slab_address(from);
    if (to->is_zero)
        copy_sparse(target, source, bytes);
    else
        memcpy(target, source, bytes);
}

static bool is_worth_moving(const struct hak_slab *to, const struct hak_slab *from, size_t bytes) {
    if (bytes < HAK_MOVE_MIN_BYTES || hak_huge_is_pooled(to) || hak_huge_is_pooled(from))
        return false;
    hak_lock_take(&hak_heap_lock);
    size_t used_bytes = hak_process_counters.used_bytes;
    hak_lock_release(&hak_heap_lock);
    return bytes >= used_bytes / HAK_MOVE_SHARE;
}

/* How much from `source` on is one mapping: less than `bytes`, which are not. */
static size_t mapping_bytes(char *source, size_t bytes) {
    size_t least = 0, most = bytes / hak_os_page_bytes - 1; /* pages */
    while (least < most) {
        size_t pages = least + (most - least + 1) / 2;
        if (hak_os_is_one_mapping(source, pages * hak_os_page_bytes))
            least = pages;
        else
            most = pages - 1;
    }
    return hak_max(least, 1) * hak_os_page_bytes;
}

/* Content on its way to another block. */
struct transfer {
    char *source;
    size_t bytes;
    char *target;
    size_t target_bytes; /* of the whole run, so that it becomes one mapping */
};

static void advance(struct transfer *rest, size_t bytes) {
    rest->source += bytes;
    rest->bytes -= bytes;
    rest->target += bytes;
    rest->target_bytes -= bytes;
}

static void copy_front(struct transfer *rest, size_t bytes) {
    memcpy(rest->target, rest->source, bytes);
    advance(rest, bytes);
}

/*
 * The source may be several mappings: programs give advice about parts of their blocks. Long ones
 * are moved one by one; short ones are copied, and what can't be moved is, too. False: the target
 * is lost; the rest says what has not been brought over.
 */
static bool move_mappings(struct transfer *rest) {
    for (unsigned tries = HAK_MOVE_TRIES; rest->bytes && tries--;) {
        enum hak_move move =
            hak_os_move(rest->source, rest->bytes, rest->target, rest->target_bytes);
        if (move != HAK_NOT_MOVED)
            return move == HAK_MOVED;
        if (rest->bytes <= HAK_PIECE_BYTES)
            break;
        size_t bytes = mapping_bytes(rest->source, rest->bytes);
        if (bytes < HAK_PIECE_BYTES) {
            copy_front(rest, bytes);
            continue;
        }
        move = hak_os_move(rest->source, bytes, rest->target, bytes);
        if (move == HAK_TARGET_LOST)
            return false;
        if (move == HAK_NOT_MOVED)
            break;
        advance(rest, bytes);
    }
    copy_front(rest, rest->bytes);
    return true;
}

/* False: the new block's memory is lost, the old block is as it was. */
static bool move_content(struct hak_slab *to, struct hak_slab *from, size_t bytes) {
    char *source = (char *)hak_region_slab_address(from),
         *target = (char *)hak_region_slab_address(to);
    struct transfer rest = {source, bytes, target, hak_slab_record_run_bytes(to)};
    bool done = move_mappings(&rest);
    to->is_moved = from->is_moved = true;
    if (!done)
        memcpy(source, target, (size_t)(rest.source - source));
    return done;
}

/* What is behind the content in the new block is its own. */
static void *resize_hardened(struct hak_slab *slab, void *pointer, size_t bytes) {
    size_t old_bytes = hak_hardened_block_bytes(slab, pointer);
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
    void *target = (void *)hak_region_slab_address(other);
    memcpy(target, pointer, hak_min(old_bytes, bytes));
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

/* Where it lies, if it gets shorter by less than a slab; the guard behind it stays where it is. */
static bool resize_guarded(struct hak_slab *slab, size_t bytes) {
    size_t rounded = hak_round_up(bytes, hak_os_page_bytes);
    if (rounded > slab->large_bytes || slabs_for(rounded) < slabs_for(slab->large_bytes))
        return false;
    if (rounded < slab->large_bytes)
        hak_os_purge((char *)hak_region_slab_address(slab) + rounded, slab->large_bytes - rounded);
    return true;
}

static bool resize_in_place(struct hak_slab *slab, size_t bytes) {
    if (slab->has_guard_page)
        return resize_guarded(slab, bytes);
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
    size_t wish = is_copied ? hak_growth_hint_request(pointer, slab->large_bytes, bytes) : bytes;
    struct hak_slab *other = hak_large_take(wish, HAK_SLAB_BYTES);
    if (!other)
        return NULL;
    size_t kept_bytes = hak_min(slab->large_bytes, other->large_bytes);
    if (!is_worth_moving(other, slab, kept_bytes)) {
        copy_content(other, slab, kept_bytes);
        hak_large_free(slab, pointer);
    } else if (move_content(other, slab, kept_bytes)) {
        free_moved(slab, pointer);
    } else {
        /* Its address space stays out of use, like a run on its way for good. */
        leave_large(other, (void *)hak_region_slab_address(other));
        return NULL;
    }
    hak_growth_hint_note(pointer, (void *)hak_region_slab_address(other));
    hak_sample_large(other, bytes);
    return (void *)hak_region_slab_address(other);
}

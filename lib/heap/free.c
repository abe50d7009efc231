/* SPDX-License-Identifier: MIT */
/*
 * Owns the slow twin of free and the settling of suspicions. Called by any thread, for any pointer.
 * Invariant: a block goes to a list only after it proved to start a block of its slab and not to be
 * on a list already.
 */
#include "heap/free.h"

#include "heap/foreign.h"
#include "heap/guarded.h"
#include "heap/hardened_block.h"
#include "heap/hardened_path.h"
#include "heap/large.h"
#include "heap/orphan.h"
#include "heap/remote.h"
#include "heap/slab.h"
#include "heap/stalled.h"
#include "heap/superslab.h"
#include "heap/thread.h"
#include "heap/zero_size.h"
#include "os/os_fatal.h"

static uint8_t state_of(const struct hak_slab *slab) {
    /* acquire pairs with the release where the state is set: the record is complete */
    return atomic_load_explicit(&slab->state, memory_order_acquire);
}

/* The first record of the run that a slab is inside of; only on the way to a fatal report. */
static const struct hak_slab *run_around(const struct hak_range *range,
                                         const struct hak_slab *slab) {
    const struct hak_slab *first = slab;
    while (first > range->slab && state_of(first) == HAK_SLAB_UNUSED)
        first--;
    return first;
}

__attribute__((noreturn)) HAK_COLD static void report_dead(const struct hak_range *range,
                                                           const struct hak_slab *slab,
                                                           const void *pointer, bool is_free) {
    enum hak_fatal_code code = is_free ? HAK_FATAL_INVALID_FREE : HAK_FATAL_INVALID_POINTER;
    uint8_t state = state_of(run_around(range, slab));
    bool is_free_run = state == HAK_SLAB_DIRTY || state == HAK_SLAB_CLEAN ||
                       state == HAK_SLAB_HIDDEN || state == HAK_SLAB_WAITING;
    if (state == HAK_SLAB_LARGE && is_free)
        code = HAK_FATAL_INTERIOR_FREE;
    else if (is_free_run && (uintptr_t)pointer % 16 == 0)
        code = is_free ? HAK_FATAL_DOUBLE_FREE : HAK_FATAL_FREED_BLOCK;
    hak_fatal(code, pointer, 0, HAK_NO_THREAD);
}

static bool is_owned_by(const struct hak_slab *slab, const struct hak_heap *heap) {
    return atomic_load_explicit(&slab->owner, memory_order_acquire) == heap;
}

/* Another thread's lists can't be walked: is the link at least one that its slab could have? */
static bool link_is_plausible(const struct hak_slab *slab, const struct hak_block *block) {
    uintptr_t next = (uintptr_t)block->next;
    if (block->next == HAK_LIST_END)
        return true;
    struct hak_range *range = hak_range_of(next);
    const struct hak_slab *other = range ? hak_range_slab_at(range, next) : NULL;
    return other && state_of(other) == HAK_SLAB_BLOCKS && other->class == slab->class &&
           hak_slab_has_start(other, next);
}

/*
 * Settles a suspicion. The remote mark has the block's own address in it, so it can't be there by
 * chance. The local mark could have been copied from other freed memory by a program that moves
 * uninitialised bytes: on own slabs the lists are searched.
 */
static bool block_is_free(const struct hak_heap *heap, const struct hak_slab *slab,
                          const struct hak_block *block) {
    if (block->mark == hak_mark_remote(block, block->next))
        return true;
    if (block->mark != hak_mark_local(block->next))
        return false;
    if (heap && is_owned_by(slab, heap))
        return hak_cache_lists(heap, slab->class, block) || hak_slab_lists(slab, block);
    return link_is_plausible(slab, block);
}

HAK_INLINE void give_block(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block) {
    /* acquire pairs with the release in set_owner (slab.c) */
    struct hak_heap *owner = atomic_load_explicit(&slab->owner, memory_order_acquire);
    if (HAK_UNLIKELY(!heap)) {
        hak_orphan_count_free(slab);
        hak_remote_free_slow(NULL, slab, owner, block);
    } else if (owner == heap) {
        hak_slab_show(heap, slab);
        hak_cache_push(heap, slab->class, block);
    } else {
        heap->counters.of[slab->class].remote_frees++;
        hak_remote_free(heap, slab, owner, block);
    }
}

void hak_free_checked(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block) {
    give_block(heap, slab, block);
}

HAK_INLINE void free_block(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block) {
    if (HAK_UNLIKELY(!hak_slab_has_block(slab, (uintptr_t)block)))
        hak_slab_report_stray(slab, block);
    bool is_suspect = ((uint8_t *)block)[HAK_MARK_TAG_BYTE] == HAK_MARK_TAG;
    /* No block of the slab, or not this one, is with the program: its memory needn't show it. */
    bool is_purged = hak_stalled_is_all_held(slab) || hak_gone_has(slab, (uintptr_t)block);
    if (HAK_UNLIKELY(is_suspect || is_purged)) {
        if (is_purged || block_is_free(heap, slab, block))
            hak_fatal(HAK_FATAL_DOUBLE_FREE, block, hak_class_bytes[slab->class],
                      hak_slab_owner_thread(slab));
        if (heap)
            heap->counters.false_alarms++;
    }
    give_block(heap, slab, block);
}

/* Everything but a block of a size class in a thread that has a heap. */
void hak_free_unusual(void *pointer) {
    if (!pointer)
        return;
    struct hak_slab *slab = hak_slab_of(pointer);
    if (HAK_UNLIKELY(!slab)) {
        if (hak_guarded_holds(pointer))
            hak_guarded_free(pointer, __builtin_return_address(0));
        else
            hak_foreign_free(pointer);
        return;
    }
    struct hak_heap *heap = hak_heap_start_mine();
    if (state_of(slab) == HAK_SLAB_BLOCKS) {
        if (hak_hardened.is_on)
            hak_hardened_free_block(heap, slab, pointer);
        else
            free_block(heap, slab, pointer);
    } else if (state_of(slab) == HAK_SLAB_LARGE) {
        if (HAK_UNLIKELY((uintptr_t)pointer != hak_slab_address(slab)))
            hak_fatal(HAK_FATAL_INTERIOR_FREE, pointer, slab->large_bytes, HAK_NO_THREAD);
        hak_large_free(slab, pointer);
    } else if (state_of(slab) == HAK_SLAB_ZERO_SIZE) {
        hak_zero_size_free(slab, pointer);
    } else {
        report_dead(hak_range_of((uintptr_t)pointer), slab, pointer, true);
    }
}

static HAK_SLOW void free_normal(void *pointer, const struct hak_heap_hot *hot) {
    struct hak_slab *slab = hot->range_slabs ? hak_slab_of_main(pointer) : NULL;
    if (HAK_LIKELY(slab && state_of(slab) == HAK_SLAB_BLOCKS))
        free_block(hak_heap_of_hot(hot), slab, pointer);
    else
        hak_free_unusual(pointer);
}

/* Remote frees come here all the time: the block is to be read, and then written to. */
void hak_free_slow(void *pointer) {
    HAK_PREFETCH_WRITE(pointer);
    const struct hak_heap_hot *hot = hak_heap_mine;
    if (HAK_UNLIKELY(hot->is_hardened))
        hak_hardened_free(pointer, hak_heap_of_hot(hot));
    else
        free_normal(pointer, hot);
}

static struct hak_block_info find_foreign(const void *pointer) {
    struct hak_block_info info = {HAK_OWNED_BY_LIBC, NULL, 0};
    if (hak_guarded_holds(pointer))
        return (struct hak_block_info){HAK_OWNED_GUARDED, NULL, hak_guarded_bytes(pointer)};
    if (!hak_foreign_is_libc(pointer))
        hak_fatal(HAK_FATAL_INVALID_POINTER, pointer, 0, HAK_NO_THREAD);
    return info;
}

static size_t usable_bytes(const struct hak_slab *slab, const void *block) {
    if (HAK_UNLIKELY(hak_hardened.is_on))
        return hak_hardened_bytes(slab, block);
    if (slab->class != HAK_CLASS_NONE)
        return hak_class_bytes[slab->class];
    return slab->block_bytes ? slab->block_bytes : slab->large_bytes;
}

struct hak_block_info hak_block_find(const void *pointer) {
    const struct hak_block *block = pointer;
    struct hak_range *range = hak_range_of((uintptr_t)pointer);
    struct hak_slab *slab = range ? hak_range_slab_at(range, (uintptr_t)pointer) : NULL;
    if (!slab)
        return find_foreign(pointer);
    if (state_of(slab) == HAK_SLAB_LARGE && (uintptr_t)pointer == hak_slab_address(slab))
        return (struct hak_block_info){HAK_OWNED, slab, usable_bytes(slab, pointer)};
    if (state_of(slab) == HAK_SLAB_ZERO_SIZE) {
        hak_zero_size_check(slab, pointer);
        return (struct hak_block_info){HAK_OWNED, slab, 0};
    }
    if (state_of(slab) != HAK_SLAB_BLOCKS)
        report_dead(range, slab, pointer, false);
    size_t bytes = hak_class_bytes[slab->class];
    if (!hak_slab_has_block(slab, (uintptr_t)pointer))
        hak_fatal(HAK_FATAL_INVALID_POINTER, pointer, bytes, hak_slab_owner_thread(slab));
    bool is_suspect = ((const uint8_t *)pointer)[HAK_MARK_TAG_BYTE] == HAK_MARK_TAG;
    if (hak_gone_has(slab, (uintptr_t)pointer) ||
        (is_suspect && block_is_free(hak_heap_get(), slab, block)))
        hak_fatal(HAK_FATAL_FREED_BLOCK, pointer, bytes, hak_slab_owner_thread(slab));
    return (struct hak_block_info){HAK_OWNED, slab, usable_bytes(slab, pointer)};
}

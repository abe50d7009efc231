/* SPDX-License-Identifier: MIT */
/*
 * Finds out what is to be freed and by whom. Invariant: a block goes to a list only after it proved
 * to start a block of its slab and not to be on a list already.
 */
#include "front/free_general.h"

#include "cache/parked.h"
#include "core/hardened.h"
#include "front/hardened_general.h"
#include "front/libc_block.h"
#include "front/return_block.h"
#include "front/suspect.h"
#include "front/thread.h"
#include "hardening/sampled_guard.h"
#include "large/large.h"
#include "os/os_fatal.h"
#include "slabs/slab.h"
#include "slabs/zero_size.h"

static uint8_t state_of(const struct hak_slab *slab) {
    /* acquire pairs with the release where the state is set: the record is complete */
    return atomic_load_explicit(&slab->state, memory_order_acquire);
}

HAK_INLINE void free_block(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block) {
    if (HAK_UNLIKELY(!hak_slab_has_block(slab, (uintptr_t)block)))
        hak_slab_report_stray(slab, block);
    bool is_suspect = ((uint8_t *)block)[HAK_MARK_TAG_BYTE] == HAK_MARK_TAG;
    /* No block of the slab, or not this one, is with the program: its memory needn't show it. */
    bool is_purged = hak_parked_is_all(slab) || hak_purged_page_has(slab, (uintptr_t)block);
    if (HAK_UNLIKELY(is_suspect || is_purged)) {
        if (is_purged || hak_suspect_is_free(heap, slab, block))
            hak_fatal(HAK_FATAL_DOUBLE_FREE, block, hak_size_class_bytes[slab->size_class],
                      hak_heap_owner_thread(slab));
        if (heap)
            heap->counters.false_alarms++;
    }
    hak_return_block(heap, slab, block);
}

/* Everything but a block of a size class in a thread that has a heap. */
void hak_free_general(void *pointer) {
    if (!pointer)
        return;
    struct hak_slab *slab = hak_region_slab(pointer);
    if (HAK_UNLIKELY(!slab)) {
        if (hak_sampled_guard_holds(pointer))
            hak_sampled_guard_free(pointer, __builtin_return_address(0));
        else
            hak_libc_block_free(pointer);
        return;
    }
    struct hak_heap *heap = hak_thread_start_heap();
    if (state_of(slab) == HAK_SLAB_BLOCKS) {
        if (hak_hardened.is_on)
            hak_hardened_general_free(heap, slab, pointer);
        else
            free_block(heap, slab, pointer);
    } else if (state_of(slab) == HAK_SLAB_LARGE) {
        if (HAK_UNLIKELY((uintptr_t)pointer != hak_region_slab_address(slab)))
            hak_fatal(HAK_FATAL_INTERIOR_FREE, pointer, slab->large_bytes, HAK_NO_THREAD);
        hak_large_free(slab, pointer);
    } else if (state_of(slab) == HAK_SLAB_ZERO_SIZE) {
        hak_zero_size_free(slab, pointer);
    } else {
        hak_suspect_report_dead(slab, pointer, true);
    }
}

void hak_free_general_plain(void *pointer, const struct hak_heap_hot *hot) {
    struct hak_slab *slab = hot->region_slabs ? hak_region_slab_main(pointer) : NULL;
    if (HAK_LIKELY(slab && state_of(slab) == HAK_SLAB_BLOCKS))
        free_block(hak_heap_of_hot(hot), slab, pointer);
    else
        hak_free_general(pointer);
}

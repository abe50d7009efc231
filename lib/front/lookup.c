/* SPDX-License-Identifier: MIT */
/*
 * Looks a pointer up wherever it may belong: to a slab, a large block, the pool of guarded blocks,
 * or libc.
 */
#include "front/lookup.h"

#include "front/libc_block.h"
#include "front/suspect.h"
#include "hardening/hardened_block.h"
#include "hardening/sampled_guard.h"
#include "os/os_fatal.h"
#include "slabs/purged_page.h"
#include "slabs/slab.h"
#include "slabs/zero_size.h"

static uint8_t state_of(const struct hak_slab *slab) {
    /* acquire pairs with the release where the state is set: the record is complete */
    return atomic_load_explicit(&slab->state, memory_order_acquire);
}

static struct hak_block_info find_libc_block(const void *pointer) {
    struct hak_block_info info = {HAK_OWNED_BY_LIBC, NULL, 0};
    if (hak_sampled_guard_holds(pointer))
        return (struct hak_block_info){HAK_OWNED_SAMPLED_GUARD, NULL,
                                       hak_sampled_guard_bytes(pointer)};
    if (!hak_libc_block_is(pointer))
        hak_fatal(HAK_FATAL_INVALID_POINTER, pointer, 0, HAK_NO_THREAD);
    return info;
}

static size_t usable_bytes(const struct hak_slab *slab, const void *block) {
    if (HAK_UNLIKELY(hak_hardened.is_on))
        return hak_hardened_block_bytes(slab, block);
    if (slab->size_class != HAK_CLASS_NONE)
        return hak_size_class_bytes[slab->size_class];
    return slab->block_bytes ? slab->block_bytes : slab->large_bytes;
}

struct hak_block_info hak_lookup_block(const void *pointer) {
    const struct hak_block *block = pointer;
    struct hak_region *region = hak_region_of((uintptr_t)pointer);
    struct hak_slab *slab = region ? hak_region_slab_at(region, (uintptr_t)pointer) : NULL;
    if (!slab)
        return find_libc_block(pointer);
    if (state_of(slab) == HAK_SLAB_LARGE && (uintptr_t)pointer == hak_region_slab_address(slab))
        return (struct hak_block_info){HAK_OWNED, slab, usable_bytes(slab, pointer)};
    if (state_of(slab) == HAK_SLAB_ZERO_SIZE) {
        hak_zero_size_check(slab, pointer);
        return (struct hak_block_info){HAK_OWNED, slab, 0};
    }
    if (state_of(slab) != HAK_SLAB_BLOCKS)
        hak_suspect_report_dead(slab, pointer, false);
    size_t bytes = hak_size_class_bytes[slab->size_class];
    if (!hak_slab_has_block(slab, (uintptr_t)pointer))
        hak_fatal(HAK_FATAL_INVALID_POINTER, pointer, bytes, hak_heap_owner_thread(slab));
    bool is_suspect = ((const uint8_t *)pointer)[HAK_MARK_TAG_BYTE] == HAK_MARK_TAG;
    if (hak_purged_page_has(slab, (uintptr_t)pointer) ||
        (is_suspect && hak_suspect_is_free(hak_heap_get(), slab, block)))
        hak_fatal(HAK_FATAL_FREED_BLOCK, pointer, bytes, hak_heap_owner_thread(slab));
    return (struct hak_block_info){HAK_OWNED, slab, usable_bytes(slab, pointer)};
}

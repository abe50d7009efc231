/* SPDX-License-Identifier: MIT */
/*
 * Owns the regions, the slab records that describe them, and their growth by SuperSlabs. A region
 * is planned, not reserved: address space that is used only as far as it has grown, so that
 * RLIMIT_AS and overcommit accounting see what is used. Where plans can't be kept it is reserved.
 * The first one is the main region, which the fast path of free knows; further ones are found by
 * hak_region_of(). Regions are added under the heap lock and are read-only but for `top` and the
 * SuperSlab marks.
 */
#ifndef HAK_CORE_REGION_H
#define HAK_CORE_REGION_H

#include "core/heap.h"
#include "core/lock.h"

#define HAK_SUPERSLAB_BYTES HAK_MIB(2) /* one huge page of both architectures with 4 KiB pages */
#define HAK_SUPERSLAB_SLABS (HAK_SUPERSLAB_BYTES / HAK_SLAB_BYTES)
#define HAK_REGIONS_MAX 64u

/* Committed, with its records; and in pages of the kernel's pool of huge pages. */
enum hak_ready { HAK_READY_NOT = 0, HAK_READY, HAK_READY_POOLED };

struct hak_region {
    uintptr_t base; /* aligned to a SuperSlab */
    size_t slabs;
    size_t top;            /* heap lock; slabs below it belong to SuperSlabs that were begun */
    size_t huge_from;      /* heap lock; slabs among which huge pages are welcome, */
    size_t huge_to;        /* see pages/huge.h */
    size_t placed;         /* slabs from 0 on that are mapped since the region was made */
    bool is_reserved;      /* mapped without access as a whole: growth is mprotect */
    struct hak_slab *slab; /* the records; readable where superslab_ready says so */
    _Atomic uint8_t *superslab_ready; /* enum hak_ready */
};

extern struct hak_region hak_regions[HAK_REGIONS_MAX];
extern _Atomic uint32_t hak_region_count;

/* Makes the main region; `wanted_bytes` 0: by the machine's memory and limits. */
bool hak_region_start(size_t wanted_bytes);

/* The region that holds an address, or NULL. Any thread, no lock. */
struct hak_region *hak_region_of(uintptr_t address);

/* The record of an address in a committed SuperSlab of `region`, else NULL. Any thread, no lock. */
struct hak_slab *hak_region_slab_at(const struct hak_region *region, uintptr_t address);

/* The record of an address in a committed SuperSlab of the main region, else NULL. No lock. */
HAK_INLINE struct hak_slab *hak_region_slab_main(const void *pointer) {
    const struct hak_region *main = &hak_regions[0];
    size_t index = ((uintptr_t)pointer - main->base) >> HAK_SLAB_SHIFT;
    /* acquire pairs with the release in mark_ready (region.c): the records are readable */
    if (HAK_LIKELY(index < main->slabs) &&
        atomic_load_explicit(&main->superslab_ready[index / HAK_SUPERSLAB_SLABS],
                             memory_order_acquire))
        return &main->slab[index];
    return NULL;
}

/* The record of an address in a committed SuperSlab of any region, else NULL. No lock. */
struct hak_slab *hak_region_slab_slow(uintptr_t address);
HAK_INLINE struct hak_slab *hak_region_slab(const void *pointer) {
    struct hak_slab *slab = hak_region_slab_main(pointer);
    return HAK_LIKELY(slab != NULL) ? slab : hak_region_slab_slow((uintptr_t)pointer);
}

/* The record of a block that is known to be of a slab. */
HAK_INLINE struct hak_slab *hak_region_slab_own(const void *block) {
    size_t index = ((uintptr_t)block - hak_regions[0].base) >> HAK_SLAB_SHIFT;
    if (HAK_LIKELY(index < hak_regions[0].slabs))
        return &hak_regions[0].slab[index];
    return hak_region_slab_slow((uintptr_t)block);
}

/* True if both addresses lie in one slab. */
HAK_INLINE bool hak_region_is_same_slab(const void *one, const void *other) {
    return ((uintptr_t)one ^ (uintptr_t)other) < HAK_SLAB_BYTES;
}

/* The region and the address that a record describes. */
struct hak_region *hak_region_of_slab(const struct hak_slab *slab);
uintptr_t hak_region_slab_address(const struct hak_slab *slab);

/* In pages of the pool? Of a committed SuperSlab. */
bool hak_region_is_pooled(const struct hak_slab *slab);

/*
 * Commits SuperSlabs for at least `slabs` slabs in a row. Returns the first record of a run that
 * nobody else knows yet, its length in *ret_slabs; NULL when memory can't be had. Takes the page
 * lock; must be called without it.
 */
struct hak_slab *hak_region_grow(size_t slabs, size_t *ret_slabs);

#endif

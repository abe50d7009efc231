/* SPDX-License-Identifier: MIT */
/*
 * Owns the OS pages inside slabs that were given back to the system while other blocks of the slab
 * live. The record's `purged` has a bit for each; the owner of the slab alone changes it, every
 * freer reads it. Invariant: a purged block, one with bytes on such a page, is in no list, and all
 * of its slab's frees take the slow path, which looks here: its memory doesn't show that it is
 * free.
 */
#ifndef HAK_SLABS_PURGED_PAGE_H
#define HAK_SLABS_PURGED_PAGE_H

#include "core/region.h"
#include "os/os_memory.h"

#define HAK_PURGED_PAGE_BITS 16u /* OS pages are of 4 KiB at least */

_Static_assert(HAK_SLAB_BYTES / HAK_PURGED_PAGE_BITS == 4096, "a bit a page");

/* relaxed: see hak_purged_page_has */
HAK_INLINE unsigned hak_purged_page_mask(const struct hak_slab *slab) {
    return atomic_load_explicit(&slab->purged, memory_order_relaxed);
}

HAK_INLINE void hak_purged_page_set(struct hak_slab *slab, unsigned pages, unsigned count) {
    atomic_store_explicit(&slab->purged, (uint16_t)pages, memory_order_relaxed);
    slab->purged_count = (uint16_t)count;
}

/* The pages of 2^shift bytes, as bits, that hold some of the bytes at an offset. */
HAK_INLINE unsigned hak_purged_page_bits(size_t offset, size_t bytes, unsigned shift) {
    unsigned first = (unsigned)(offset >> shift), last = (unsigned)((offset + bytes - 1) >> shift);
    return (2u << last) - (1u << first);
}

HAK_INLINE unsigned hak_purged_page_bits_at(size_t offset, size_t bytes) {
    return hak_purged_page_bits(offset, bytes, hak_log2_floor(hak_os_page_bytes));
}

/*
 * True if a carved block has bytes on a page that was given back: it is free. relaxed: only the
 * owner changes `purged`, and not the bits of pages with a live block. Whoever was handed the block
 * has seen them cleared.
 */
HAK_INLINE bool hak_purged_page_has(const struct hak_slab *slab, uintptr_t address) {
    unsigned purged = atomic_load_explicit(&slab->purged, memory_order_relaxed);
    return HAK_UNLIKELY(purged) &&
           (purged & hak_purged_page_bits_at(address % HAK_SLAB_BYTES,
                                             hak_size_class_bytes[slab->size_class]));
}

/* The pages of a slab all of whose blocks are carved and free, the purged ones among them. */
unsigned hak_purged_page_candidates(const struct hak_slab *slab);

/* Unlinks the blocks of those pages from the slab's free list; returns how many. */
unsigned hak_purged_page_unlist(struct hak_slab *slab, unsigned pages);

/* Carves the blocks of the first purged page anew, for the free list; those that lie on another
 * purged one, too, wait. */
void hak_purged_page_carve(struct hak_slab *slab);

#endif

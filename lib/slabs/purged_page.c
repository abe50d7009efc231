/* SPDX-License-Identifier: MIT */
/*
 * Owns which blocks lie on which pages of a slab, and what becomes of them when pages go and come
 * back. Called by the slab's owner, from slab.c, which does the counting. Invariant: a page goes
 * only if every block with bytes on it is carved, and in the slab's list or purged: so none of them
 * is live, in a bin, or held.
 */
#include "slabs/purged_page.h"

#include "core/block.h"

#define HAK_CACHE_LINE 64u

/* The blocks that have bytes on a page, from *ret_first on; so many of them are left when there are
 * only `count` blocks. */
static unsigned blocks_on_page(const struct hak_slab *slab, size_t page, unsigned count,
                               unsigned *ret_first) {
    size_t bytes = hak_size_class_bytes[slab->size_class];
    unsigned first = (unsigned)(page * hak_os_page_bytes / bytes);
    unsigned end = (unsigned)(((page + 1) * hak_os_page_bytes - 1) / bytes) + 1;
    *ret_first = first;
    end = end < count ? end : count;
    return end > first ? end - first : 0;
}

HAK_INLINE void count_on_pages(size_t offset, size_t bytes, unsigned shift, uint16_t *on_page) {
    size_t last = (offset + bytes - 1) >> shift;
    for (size_t page = offset >> shift; page <= last; page++)
        on_page[page]++;
}

/* The list leads through the slab at random; all at once its blocks come sooner. */
static void prefetch_blocks(const struct hak_slab *slab, size_t bytes) {
    const char *start = (const char *)hak_region_slab_address(slab);
    size_t end = hak_slab_carved(slab) * bytes;
    for (size_t at = 0; at < end; at += hak_max(bytes, HAK_CACHE_LINE))
        __builtin_prefetch(start + at);
}

unsigned hak_purged_page_candidates(const struct hak_slab *slab) {
    uint16_t on_page[HAK_PURGED_PAGE_BITS] = {0};
    size_t bytes = hak_size_class_bytes[slab->size_class];
    unsigned carved = hak_slab_carved(slab), pages = 0, first;
    unsigned shift = hak_log2_floor(hak_os_page_bytes);
    const struct hak_block *block = slab->free;
    prefetch_blocks(slab, bytes);
    for (; block != HAK_LIST_END; block = hak_block_next(block))
        count_on_pages((uintptr_t)block % HAK_SLAB_BYTES, bytes, shift, on_page);
    for (unsigned i = 0; slab->purged_count && i < carved; i++)
        if (hak_purged_page_has(slab, i * bytes))
            count_on_pages(i * bytes, bytes, shift, on_page);
    for (size_t page = 0; page < HAK_SLAB_BYTES / hak_os_page_bytes; page++) {
        unsigned count = blocks_on_page(slab, page, slab->capacity, &first);
        if (count && first + count <= carved && on_page[page] == count)
            pages |= 1u << page;
    }
    return pages;
}

/* Those that stay keep their order, and their links where they can. */
unsigned hak_purged_page_unlist(struct hak_slab *slab, unsigned pages) {
    struct hak_block *last = NULL, *next;
    size_t bytes = hak_size_class_bytes[slab->size_class];
    unsigned count = 0, shift = hak_log2_floor(hak_os_page_bytes);
    bool is_gap = false;
    for (struct hak_block *block = slab->free;; block = next) {
        size_t offset = (uintptr_t)block % HAK_SLAB_BYTES;
        bool is_end = block == HAK_LIST_END;
        next = is_end ? NULL : hak_block_next(block);
        if (!is_end && (pages & hak_purged_page_bits(offset, bytes, shift))) {
            count++;
            is_gap = true;
            continue;
        }
        if (is_gap && last)
            hak_block_link(last, block);
        else if (is_gap)
            slab->free = block;
        if (is_end)
            return count;
        last = block;
        is_gap = false;
    }
}

void hak_purged_page_carve(struct hak_slab *slab) {
    size_t bytes = hak_size_class_bytes[slab->size_class];
    unsigned purged = hak_purged_page_mask(slab), count = 0, first;
    unsigned rest = purged & (purged - 1);
    unsigned on_page =
        blocks_on_page(slab, (size_t)__builtin_ctz(purged), hak_slab_carved(slab), &first);
    for (unsigned i = first + on_page; i-- > first;) {
        if (hak_purged_page_bits_at(i * bytes, bytes) & rest)
            continue;
        struct hak_block *block = (struct hak_block *)(hak_region_slab_address(slab) + i * bytes);
        hak_block_link(block, slab->free);
        slab->free = block;
        count++;
    }
    slab->free_count = (uint16_t)(slab->free_count + count);
    hak_purged_page_set(slab, rest, slab->purged_count - count);
}

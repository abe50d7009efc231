/* SPDX-License-Identifier: MIT */
/*
 * Owns what is asked about any pointer: whose it is, how large its block is, and the checks of a
 * free that isn't plain. Any thread may call.
 */
#ifndef HAK_HEAP_FREE_H
#define HAK_HEAP_FREE_H

#include "heap/heap.h"

/* Who answers for a pointer. */
enum hak_ownership { HAK_OWNED, HAK_OWNED_GUARDED, HAK_OWNED_BY_LIBC, HAK_OWNED_BY_NOBODY };

struct hak_block_info {
    enum hak_ownership ownership;
    struct hak_slab *slab; /* HAK_OWNED */
    size_t bytes;          /* usable bytes of the block, if it is not libc's */
};

/*
 * Looks a live block up for realloc and malloc_usable_size; never NULL. A pointer that is ours but
 * starts no live block, or that is nobody's, is a fatal report.
 */
struct hak_block_info hak_block_find(const void *pointer);

/* Frees everything but a block of a size class in a thread that has a heap, and that, too. */
HAK_SLOW void hak_free_unusual(void *pointer);

/* Frees a block of a slab that was checked: into the bin, or on its way to its owner. The heap is
 * the caller's, or NULL. */
void hak_free_checked(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block);

#endif

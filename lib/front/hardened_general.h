/* SPDX-License-Identifier: MIT */
/*
 * The blocks of a hardened process, whatever is to be done for them. Any thread may call.
 */
#ifndef HAK_FRONT_HARDENED_GENERAL_H
#define HAK_FRONT_HARDENED_GENERAL_H

#include "core/heap.h"

/* A block of up to HAK_CLASS_MAX_BYTES or of more; the heap may be NULL. NULL: no memory. */
void *hak_hardened_general_alloc(struct hak_heap *heap, size_t bytes, size_t alignment);

/* Checks a block that free() was given, wipes it, and lets it wait. The heap may be NULL. */
HAK_SLOW void hak_hardened_general_free(struct hak_heap *heap, struct hak_slab *slab,
                                        struct hak_block *block);

#endif

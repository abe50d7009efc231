/* SPDX-License-Identifier: MIT */
/*
 * malloc and free of a process with hardening: the slow twins of the fast paths hand over to these.
 * Any thread may call, with its own heap.
 */
#ifndef HAK_HEAP_HARDENED_PATH_H
#define HAK_HEAP_HARDENED_PATH_H

#include "heap/heap.h"

/* malloc of 1 to plain_bytes bytes: what is plain, else what hak_alloc_general does. calloc clears
 * no block that it has just found to be zero. */
HAK_SLOW void *hak_hardened_malloc(size_t bytes, struct hak_heap *heap);
HAK_SLOW void *hak_hardened_calloc(size_t bytes, struct hak_heap *heap);

/* A block of up to HAK_CLASS_MAX_BYTES or of more; the heap may be NULL. NULL: no memory. */
void *hak_hardened_alloc(struct hak_heap *heap, size_t bytes, size_t alignment);

/* free in a thread that has a heap: what is plain, else what hak_free_unusual does. */
HAK_SLOW void hak_hardened_free(void *pointer, struct hak_heap *heap);

/* Checks a block that free() was given, wipes it, and lets it wait. The heap may be NULL. */
HAK_SLOW void hak_hardened_free_block(struct hak_heap *heap, struct hak_slab *slab,
                                      struct hak_block *block);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * malloc and free of a process with hardening: the slow twins of the fast paths hand over to these.
 * Any thread may call, with its own heap.
 */
#ifndef HAK_FRONT_HARDENED_PATH_H
#define HAK_FRONT_HARDENED_PATH_H

#include "core/heap.h"

/* malloc of 1 to plain_bytes bytes: what is plain, else what hak_alloc_general does. calloc clears
 * no block that it has just found to be zero. */
HAK_SLOW void *hak_hardened_path_malloc(size_t bytes, struct hak_heap *heap);
HAK_SLOW void *hak_hardened_path_calloc(size_t bytes, struct hak_heap *heap);

/* free in a thread that has a heap: what is plain, else what hak_free_general does. */
HAK_SLOW void hak_hardened_path_free(void *pointer, struct hak_heap *heap);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Frees whatever it is: a block of any slab, a large, guarded or hardened one, one of libc's. Any
 * thread may call.
 */
#ifndef HAK_FRONT_FREE_GENERAL_H
#define HAK_FRONT_FREE_GENERAL_H

#include "core/heap.h"

/* Frees everything but a block of a size class in a thread that has a heap, and that, too. */
HAK_SLOW void hak_free_general(void *pointer);

/* The same, mostly of a block of a size class; not in a hardened process. `hot`: hak_heap_mine. */
HAK_SLOW void hak_free_general_plain(void *pointer, const struct hak_heap_hot *hot);

#endif

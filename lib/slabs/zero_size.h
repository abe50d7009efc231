/* SPDX-License-Identifier: MIT */
/*
 * Owns blocks of no bytes: distinct addresses in slabs that nobody can read or write, so that a
 * program that uses one anyway stops there. Any thread may call; the heap lock protects all of it.
 */
#ifndef HAK_SLABS_ZERO_SIZE_H
#define HAK_SLABS_ZERO_SIZE_H

#include "core/heap.h"

/* How many a new heap may hand out; with guard pages they are not counted. After these its thread
 * gets ordinary blocks, without any lock. */
uint16_t hak_zero_size_allowance(void);

/* In a fork's child: what is free now stays so. */
void hak_zero_size_forget(void);

/* The answer to malloc(0). NULL: no address is left; an ordinary block can stand in. */
void *hak_zero_size_alloc(void);

/* Frees one, of a slab whose state is HAK_SLAB_ZERO_SIZE; anything wrong is a fatal report. */
void hak_zero_size_free(struct hak_slab *slab, const void *pointer);

/* A fatal report unless the pointer is a live block of the slab. */
void hak_zero_size_check(const struct hak_slab *slab, const void *pointer);

#endif

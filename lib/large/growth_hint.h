/* SPDX-License-Identifier: MIT */
/*
 * Owns the memory of which blocks realloc has lately made longer: one that grows again, by little,
 * gets room for more steps, so that not each of them copies it. A heap's own, written by its
 * thread.
 */
#ifndef HAK_LARGE_GROWTH_HINT_H
#define HAK_LARGE_GROWTH_HINT_H

#include "core/heap.h"

/* The size to ask for when a block of `usable_bytes` must move to become `bytes` long. */
size_t hak_growth_hint_request(const void *pointer, size_t usable_bytes, size_t bytes);

/* A block grew and moved. */
void hak_growth_hint_note(const void *from, const void *to);

#endif

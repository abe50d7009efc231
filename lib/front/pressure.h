/* SPDX-License-Identifier: MIT */
/*
 * Owns what is tried when the page layer has no run to give: purging, emptying caches, giving back
 * address space, waiting for what another thread is giving back. Whoever needs memory for a program
 * calls, any thread, without the heap lock.
 */
#ifndef HAK_FRONT_PRESSURE_H
#define HAK_FRONT_PRESSURE_H

#include "core/heap.h"

/* hak_run_take, with all that may help. NULL: memory can't be had. */
struct hak_slab *hak_pressure_take_run(size_t slabs, size_t alignment_slabs);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns free runs of slabs: which are clean (read as zero), which are dirty (still resident). A run
 * is named by its first record. Functions take the heap lock themselves, where nothing else is
 * said; none holds it across a system call.
 */
#ifndef HAK_HEAP_SUPERSLAB_H
#define HAK_HEAP_SUPERSLAB_H

#include "heap/range.h"

/*
 * Takes a run of `slabs` slabs whose address is a multiple of `alignment_slabs` (a power of two)
 * slabs. NULL when memory can't be had. is_zero of the first record says whether it reads as zero.
 */
struct hak_slab *hak_run_take(size_t slabs, size_t alignment_slabs);

/* Gives a run back, dirty; purges what is above the bound. */
void hak_run_give(struct hak_slab *run);

/* Gives back a run that reads as zero. */
void hak_run_give_clean(struct hak_slab *run);

/* A free run goes out of reach for a system call, and is free again, or cannot be. Who finds no
 * memory waits for those on their way. The heap lock is held. */
void hak_run_depart(void);
void hak_run_arrive(void);

/* In a fork's child, whose parent's other threads don't come back with theirs. Heap lock held. */
void hak_run_forget_travel(void);

/* Cuts a run in use to its first `slabs`; the rest is given back. */
void hak_run_shrink(struct hak_slab *run, size_t slabs);

/* Lengthens a run in use to `slabs` where it lies, if free runs follow it. */
bool hak_run_extend(struct hak_slab *run, size_t slabs);

void hak_superslab_start(void);

/* Makes so much memory resident, with its records, before anybody needs it. */
void hak_run_preallocate(size_t bytes);

/* Debug builds and tests: walks every free run; the heap lock must not be held. */
void hak_superslab_verify(void);

#endif

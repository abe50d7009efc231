/* SPDX-License-Identifier: MIT */
/*
 * Owns the rule which free memory gives up its address space: clean runs of 256 KiB and more, if
 * that is a certain share of what is committed, and 128 of them at most, because each makes a
 * mapping more; and all that lie right beside such a one, which make none. Such a run is unmapped:
 * it counts against no limit (RLIMIT_AS, RLIMIT_DATA, overcommit), core dumps don't have it, and it
 * is not for use, as if its region had not grown so far, until it is mapped again: 256 KiB at
 * first, twice as much each time, up to 2 MiB or more. Near a limit every clean run is unmapped.
 * For run.c and purge.c.
 */
#ifndef HAK_PAGES_UNMAPPED_H
#define HAK_PAGES_UNMAPPED_H

#include "core/region.h"

/* Takes a clean run out of its set if it is to be unmapped. Heap lock held. */
bool hak_unmapped_wants(struct hak_slab *run);

/* Unmaps the run that was taken out. False: it is clean again. No lock is held, here and below. */
bool hak_unmapped_add(struct hak_slab *run);

/* Between the two nothing else is unmapped: somebody looks for memory, and what is mapped he can
 * have, however little else the system gives. Heap lock held. */
void hak_unmapped_hold(void);
void hak_unmapped_let_go(void);

/* In a fork's child, whose parent's other threads look no more. Heap lock held. */
void hak_unmapped_forget(void);

/* Unmaps all clean runs, as far as mappings can be spared. Returns whether there was one. */
bool hak_unmapped_add_all(void);

/* Makes a clean run of at least `slabs` out of an unmapped one. False: there is none so long, or
 * the system doesn't give it. */
bool hak_unmapped_restore(size_t slabs);

/* Restores the last `slabs` of a run in use, which were just taken out of an unmapped one. False:
 * the system doesn't give them; the run has lost them. */
bool hak_unmapped_restore_end(struct hak_slab *run, size_t slabs);

#endif

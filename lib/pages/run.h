/* SPDX-License-Identifier: MIT */
/*
 * Owns free runs of slabs: which are clean (read as zero), which are dirty (still resident). A run
 * is named by its first record. Functions take the heap lock themselves, where nothing else is
 * said; none holds it across a system call.
 */
#ifndef HAK_PAGES_RUN_H
#define HAK_PAGES_RUN_H

#include "core/region.h"
#include "pages/limit.h"

/* Why there was no run. */
struct hak_shortage {
    enum hak_limit_verdict verdict; /* HAK_LIMIT_FREE: the system gives no more address space */
    size_t dirty_bytes;             /* HAK_LIMIT_PURGE: what may stay dirty */
    uint32_t arrivals;              /* see hak_run_wait */
};

/*
 * Takes a run of `slabs` slabs whose address is a multiple of `alignment_slabs` (a power of two)
 * slabs. is_zero of the first record says whether it reads as zero. NULL: there is none, and
 * nothing has changed; front/pressure.h knows what may help. `has_purged`: the caller did so
 * already for the soft limit's sake, which therefore asks for it no more.
 */
struct hak_slab *hak_run_take(size_t slabs, size_t alignment_slabs, bool has_purged,
                              struct hak_shortage *ret_shortage);

/* Gives a run back, dirty; purges what is above the bound. */
void hak_run_return(struct hak_slab *run);

/* Gives back a run that reads as zero. */
void hak_run_return_clean(struct hak_slab *run);

/* A free run goes out of reach for a system call, and is free again, or, `is_changed` false, as it
 * was. The heap lock is held; once it is given back after the second one, hak_run_wake follows. */
void hak_run_depart(void);
void hak_run_arrive(bool is_changed);
void hak_run_wake(void);

/* Waits for a run on its way, if there is one, or one has come since the shortage was found. False:
 * neither. Whoever needs memory calls, without the lock. */
bool hak_run_wait(uint32_t arrivals);

/* Around the search for a run that could not be had: what becomes free stays mapped meanwhile. */
void hak_run_search(void);
void hak_run_end_search(void);

/* Gives back the address space of all that is clean: what is needed may be made of it. Returns
 * whether there was any. */
bool hak_run_release(void);

/* In a fork's child, whose parent's other threads don't come back with theirs. Heap lock held. */
void hak_run_forget_travel(void);

/* Cuts a run in use to its first `slabs`; the rest is given back. */
void hak_run_shrink(struct hak_slab *run, size_t slabs);

/* Lengthens a run in use to `slabs` where it lies, if free runs follow it. */
bool hak_run_extend(struct hak_slab *run, size_t slabs);

void hak_run_start(void);

/* Makes so much memory resident, with its records, before anybody needs it. */
void hak_run_preallocate(size_t bytes);

/* Debug builds and tests: walks every free run; the heap lock must not be held. */
void hak_run_verify(void);

#endif

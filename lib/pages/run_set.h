/* SPDX-License-Identifier: MIT */
/*
 * Owns a set of free runs, binned by length: exact up to 16 slabs, then four bins a doubling, so a
 * fitting run is found by a bit search. Only run.c calls it, under the heap lock.
 */
#ifndef HAK_PAGES_RUN_SET_H
#define HAK_PAGES_RUN_SET_H

#include "core/region.h"

#define HAK_RUN_BINS 128u

/* All zero: empty. */
struct hak_run_set {
    uint64_t nonempty[HAK_RUN_BINS / 64];
    struct hak_link bin[HAK_RUN_BINS];
};

void hak_run_set_insert(struct hak_run_set *set, struct hak_slab *run);
void hak_run_set_remove(struct hak_run_set *set, struct hak_slab *run);

/* A run of at least `slabs`, still in the set; NULL if there is none. */
struct hak_slab *hak_run_set_find(struct hak_run_set *set, size_t slabs);

/* A run in which `slabs` slabs fit from a multiple of `alignment_slabs` on, still in the set: among
 * the first HAK_ALIGNED_TRIES runs of each length, or one that is long enough wherever it lies.
 * NULL if there is none. */
#define HAK_ALIGNED_TRIES 16u
struct hak_slab *hak_run_set_find_aligned(struct hak_run_set *set, size_t slabs,
                                          size_t alignment_slabs);

/* A run of the last bin that has one, still in the set; NULL if there is none. */
struct hak_slab *hak_run_set_longest(struct hak_run_set *set);

/* A random slab of the shortest runs: its run, and how many slabs are before it; NULL: no run. */
struct hak_slab *hak_run_set_pick(struct hak_run_set *set, uint64_t random, size_t *ret_skip);

#endif

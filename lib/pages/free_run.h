/* SPDX-License-Identifier: MIT */
/*
 * Owns the free runs of slabs: clean ones (read as zero), unmapped ones (clean, but to be restored
 * first, see pages/unmapped.h) and dirty ones (still resident, in order of age). Everything here is
 * protected by the heap lock, which the caller holds. For run.c.
 */
#ifndef HAK_PAGES_FREE_RUN_H
#define HAK_PAGES_FREE_RUN_H

#include "core/region.h"

HAK_INLINE uint8_t hak_slab_record_state(const struct hak_slab *slab) {
    return atomic_load_explicit(&slab->state, memory_order_relaxed);
}

/* relaxed: readers without the lock hold a block of the slab, so its state stands still */
HAK_INLINE void hak_slab_record_set_state(struct hak_slab *slab, enum hak_slab_state state) {
    atomic_store_explicit(&slab->state, (uint8_t)state, memory_order_relaxed);
}

HAK_INLINE size_t hak_slab_record_run_bytes(const struct hak_slab *run) {
    return (size_t)run->run_slabs << HAK_SLAB_SHIFT;
}

/* Free, and ready to be taken. */
HAK_INLINE bool hak_free_run_is(const struct hak_slab *slab) {
    uint8_t state = hak_slab_record_state(slab);
    return state == HAK_SLAB_CLEAN || state == HAK_SLAB_DIRTY;
}

HAK_INLINE bool hak_free_run_is_unmapped(const struct hak_slab *slab) {
    return hak_slab_record_state(slab) == HAK_SLAB_UNMAPPED;
}

void hak_free_run_start(void);

/* In a fork's child: no run is free any more. Those of before keep their states, and are told by
 * their stamps. */
void hak_free_run_freeze(void);

/* Writes a run's first and last record. */
void hak_free_run_shape(struct hak_slab *run, size_t slabs, enum hak_slab_state state);

/* Puts a run in, joined with its neighbours of the same kind, and returns the whole; takes it out
 * as it is. */
struct hak_slab *hak_free_run_insert(struct hak_slab *run, size_t slabs, enum hak_slab_state kind);
void hak_free_run_leave(struct hak_slab *run);

/* Puts back what a larger run had too much, with its kind. */
void hak_free_run_insert_rest(struct hak_slab *rest, size_t slabs, const struct hak_slab *of,
                              enum hak_slab_state kind);

/* Takes `slabs` slabs from `skip` on, or from the first multiple of `alignment_slabs` on, out of a
 * free run for use; the rest stays as it is. */
struct hak_slab *hak_free_run_cut(struct hak_slab *run, size_t skip, size_t slabs);
struct hak_slab *hak_free_run_cut_aligned(struct hak_slab *run, size_t slabs,
                                          size_t alignment_slabs);

/*
 * No dirty run is long enough: takes one that was freed of late together with its neighbours, so
 * that pages are used that are there already. NULL: there is none.
 */
struct hak_slab *hak_free_run_take_row(size_t slabs);

/* Are the `slabs` slabs right behind a run in use free, and could be a part of it? */
bool hak_free_run_is_behind(const struct hak_slab *run, size_t slabs);

/* Takes them; whoever calls makes the run longer. Returns how many of them, at the end, are
 * unmapped.
 */
size_t hak_free_run_take_behind(struct hak_slab *run, size_t slabs);

/* A run of at least `slabs`, still free; NULL if there is none. */
struct hak_slab *hak_free_run_find(enum hak_slab_state kind, size_t slabs);

/* A run that hak_free_run_cut_aligned can cut, still free; NULL if none was found. One that is long
 * enough at any place is found; of shorter ones some of each length are looked at. */
struct hak_slab *hak_free_run_find_aligned(enum hak_slab_state kind, size_t slabs,
                                           size_t alignment_slabs);

/* One of the longest runs, still free; NULL if there is none. */
struct hak_slab *hak_free_run_longest(enum hak_slab_state kind);

/* How many unmapped runs there are; is one right beside this run? */
size_t hak_free_run_unmapped_count(void);
bool hak_free_run_is_beside_unmapped(const struct hak_slab *run);

/* Takes one slab at a random place for use; NULL if there is none. */
struct hak_slab *hak_free_run_cut_random(enum hak_slab_state kind, uint64_t random);

/* The dirty run that was freed first, or NULL; makes a dirty run that one. */
struct hak_slab *hak_free_run_oldest_dirty(void);
void hak_free_run_make_oldest(struct hak_slab *run);

/* Debug builds and tests. */
void hak_free_run_verify(void);

#endif

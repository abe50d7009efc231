/* SPDX-License-Identifier: MIT */
/*
 * Owns the sets of clean, unmapped and dirty runs, their splitting and joining. Invariant: two
 * neighbouring free runs of one kind are one run; the first and last record of a free run hold its
 * state, length and stamp; records inside a run are UNUSED. A run with another stamp than
 * hak_fork_stamp is frozen: in no set, and no neighbour of any other.
 */
#include "pages/free_run.h"

#include "core/fork_epoch.h"
#include "os/os_memory.h"
#include "pages/huge.h"
#include "pages/retention.h"
#include "pages/run_set.h"
#include "stats/process.h"

#include <string.h>

#define HAK_ROW_TRIES 8u
#define HAK_ROW_SHARE 8u /* a dirty run that is a smaller part of what is wanted is left alone */

static struct hak_run_set clean_runs;
static struct hak_run_set unmapped_runs;
static struct hak_run_set dirty_runs;
static size_t unmapped_count;
static struct hak_link dirty_ages; /* oldest first */

void hak_free_run_start(void) {
    hak_list_init(&dirty_ages);
}

void hak_free_run_shape(struct hak_slab *run, size_t slabs, enum hak_slab_state state) {
    struct hak_slab *last = run + slabs - 1;
    hak_slab_record_set_state(last, state);
    last->run_slabs = (uint32_t)slabs;
    last->stamp = hak_fork_stamp;
    hak_slab_record_set_state(run, state);
    run->run_slabs = (uint32_t)slabs;
    run->stamp = hak_fork_stamp;
}

void hak_free_run_freeze(void) {
    memset(&clean_runs, 0, sizeof clean_runs);
    memset(&unmapped_runs, 0, sizeof unmapped_runs);
    memset(&dirty_runs, 0, sizeof dirty_runs);
    unmapped_count = 0;
    hak_list_init(&dirty_ages);
    hak_process_counters.pooled_free_bytes = 0;
    hak_process_counters.dirty_bytes = 0;
    hak_process_counters.unmapped_bytes = 0;
    hak_process_counters.lazy_bytes = 0;
}

static struct hak_run_set *set_of(enum hak_slab_state kind) {
    if (kind == HAK_SLAB_DIRTY)
        return &dirty_runs;
    return kind == HAK_SLAB_UNMAPPED ? &unmapped_runs : &clean_runs;
}

void hak_free_run_leave(struct hak_slab *run) {
    enum hak_slab_state kind = (enum hak_slab_state)hak_slab_record_state(run);
    hak_run_set_remove(set_of(kind), run);
    if (kind == HAK_SLAB_DIRTY && hak_huge_is_pooled(run)) {
        hak_process_counters.pooled_free_bytes -= hak_slab_record_run_bytes(run);
    } else if (kind == HAK_SLAB_DIRTY) {
        hak_list_remove(&run->age);
        hak_process_counters.dirty_bytes -= hak_slab_record_run_bytes(run);
    } else if (kind == HAK_SLAB_UNMAPPED) {
        unmapped_count--;
        hak_process_counters.unmapped_bytes -= hak_slab_record_run_bytes(run);
    } else {
        hak_process_counters.lazy_bytes -= run->is_lazy ? hak_slab_record_run_bytes(run) : 0;
    }
}

static bool is_like(const struct hak_slab *run, const struct hak_slab *other) {
    return run->is_moved == other->is_moved && run->is_lazy == other->is_lazy &&
           hak_huge_is_pooled(run) == hak_huge_is_pooled(other);
}

/* The slabs right behind so many of a run, and right before it; NULL: there is none, or not yet:
 * another thread may just be committing its SuperSlab. */
static struct hak_slab *slab_after(const struct hak_region *region, const struct hak_slab *run,
                                   size_t slabs) {
    return hak_region_slab_at(region, hak_region_slab_address(run) + (slabs << HAK_SLAB_SHIFT));
}

static struct hak_slab *slab_before(const struct hak_region *region, const struct hak_slab *run) {
    return hak_region_slab_at(region, hak_region_slab_address(run) - 1);
}

/* Is there a free run of this kind, to which the record belongs? */
static bool is_free_as(const struct hak_slab *slab, enum hak_slab_state kind) {
    return slab && hak_slab_record_state(slab) == kind && slab->stamp == hak_fork_stamp;
}

static bool is_free(const struct hak_slab *slab) {
    return is_free_as(slab, HAK_SLAB_CLEAN) || is_free_as(slab, HAK_SLAB_DIRTY) ||
           is_free_as(slab, HAK_SLAB_UNMAPPED);
}

bool hak_free_run_is_beside_unmapped(const struct hak_slab *run) {
    const struct hak_region *region = hak_region_of_slab(run);
    const struct hak_slab *after = slab_after(region, run, run->run_slabs);
    const struct hak_slab *before = slab_before(region, run);
    return is_free_as(after, HAK_SLAB_UNMAPPED) || is_free_as(before, HAK_SLAB_UNMAPPED);
}

/* Joins a run that is in no set with free neighbours of the same kind; returns the whole. */
static struct hak_slab *join_neighbours(struct hak_slab *run, size_t *slabs,
                                        enum hak_slab_state kind) {
    const struct hak_region *region = hak_region_of_slab(run);
    struct hak_slab *after = slab_after(region, run, *slabs), *before = slab_before(region, run);
    if (is_free_as(after, kind) && is_like(after, run)) {
        hak_free_run_leave(after);
        *slabs += after->run_slabs;
        hak_slab_record_set_state(after, HAK_SLAB_UNUSED);
    }
    if (is_free_as(before, kind)) {
        struct hak_slab *first = before - (before->run_slabs - 1);
        if (is_like(first, run)) {
            hak_free_run_leave(first);
            hak_slab_record_set_state(before, HAK_SLAB_UNUSED);
            hak_slab_record_set_state(run, HAK_SLAB_UNUSED);
            *slabs += first->run_slabs;
            run = first;
        }
    }
    return run;
}

struct hak_slab *hak_free_run_insert(struct hak_slab *run, size_t slabs, enum hak_slab_state kind) {
    hak_slab_record_set_state(run + slabs - 1, HAK_SLAB_UNUSED);
    if (kind != HAK_SLAB_CLEAN)
        run->is_lazy = false;
    run = join_neighbours(run, &slabs, kind);
    hak_free_run_shape(run, slabs, kind);
    hak_run_set_insert(set_of(kind), run);
    if (kind == HAK_SLAB_DIRTY && hak_huge_is_pooled(run)) {
        hak_process_counters.pooled_free_bytes += hak_slab_record_run_bytes(run);
        return run; /* never purged */
    }
    if (kind == HAK_SLAB_DIRTY) {
        hak_list_push_back(&dirty_ages, &run->age);
        hak_process_counters.dirty_bytes += hak_slab_record_run_bytes(run);
        return run;
    }
    run->is_moved = false;
    if (kind == HAK_SLAB_UNMAPPED) {
        unmapped_count++;
        hak_process_counters.unmapped_bytes += hak_slab_record_run_bytes(run);
    } else {
        hak_process_counters.lazy_bytes += run->is_lazy ? hak_slab_record_run_bytes(run) : 0;
    }
    return run;
}

void hak_free_run_insert_rest(struct hak_slab *rest, size_t slabs, const struct hak_slab *of,
                              enum hak_slab_state kind) {
    rest->is_moved = of->is_moved;
    rest->is_lazy = of->is_lazy;
    hak_free_run_insert(rest, slabs, kind);
}

struct hak_slab *hak_free_run_cut(struct hak_slab *run, size_t skip, size_t slabs) {
    enum hak_slab_state kind = (enum hak_slab_state)hak_slab_record_state(run);
    size_t total = run->run_slabs;
    struct hak_slab *taken = run + skip;
    hak_free_run_leave(run);
    hak_free_run_shape(run, total, HAK_SLAB_UNUSED);
    taken->is_moved = run->is_moved;
    taken->is_lazy = run->is_lazy;
    hak_free_run_shape(taken, slabs, HAK_SLAB_MOVING);
    if (skip)
        hak_free_run_insert_rest(run, skip, taken, kind);
    if (total > skip + slabs)
        hak_free_run_insert_rest(taken + slabs, total - skip - slabs, taken, kind);
    taken->is_zero = kind != HAK_SLAB_DIRTY && !taken->is_lazy;
    if (kind == HAK_SLAB_DIRTY)
        hak_process_counters.faults_avoided += (slabs << HAK_SLAB_SHIFT) / hak_os_page_bytes;
    hak_process_counters.used_bytes += slabs << HAK_SLAB_SHIFT;
    hak_retention_note_take(slabs << HAK_SLAB_SHIFT, kind == HAK_SLAB_DIRTY);
    return taken;
}

struct hak_slab *hak_free_run_cut_aligned(struct hak_slab *run, size_t slabs,
                                          size_t alignment_slabs) {
    size_t index = hak_region_slab_address(run) >> HAK_SLAB_SHIFT;
    return hak_free_run_cut(run, hak_round_up(index, alignment_slabs) - index, slabs);
}

/* Free runs of both kinds in a row. Only the one added last may be longer than is wanted. */
struct row {
    struct hak_slab *first;
    size_t slabs;
    bool grew_left; /* by the one added last */
};

static bool can_join(const struct hak_slab *run) {
    return (is_free_as(run, HAK_SLAB_CLEAN) || is_free_as(run, HAK_SLAB_DIRTY)) &&
           !hak_huge_is_pooled(run);
}

/* Adds the neighbour behind the row, or else the one before it. */
static bool add_neighbour(struct row *row) {
    const struct hak_region *region = hak_region_of_slab(row->first);
    const struct hak_slab *after = slab_after(region, row->first, row->slabs);
    row->grew_left = !can_join(after);
    if (!row->grew_left) {
        row->slabs += after->run_slabs;
        return true;
    }
    const struct hak_slab *before = slab_before(region, row->first);
    if (!can_join(before))
        return false;
    size_t slabs = before->run_slabs;
    row->first -= slabs;
    row->slabs += slabs;
    return true;
}

/* Makes one run in use of a row. */
static struct hak_slab *join_row(const struct row *row, size_t wanted) {
    size_t skip = row->grew_left ? row->slabs - wanted : 0;
    struct hak_slab *taken = row->first + skip;
    bool is_moved = false;
    for (size_t done = 0, slabs; done < wanted; done += slabs) {
        struct hak_slab *run = taken + done - (done ? 0 : skip);
        slabs = hak_min(run->run_slabs - (done ? 0 : skip), wanted - done);
        const struct hak_slab *part = hak_free_run_cut(run, done ? 0 : skip, slabs);
        is_moved |= part->is_moved;
        hak_free_run_shape(taken + done, slabs, HAK_SLAB_UNUSED);
    }
    hak_free_run_shape(taken, wanted, HAK_SLAB_MOVING);
    taken->is_moved = is_moved;
    taken->is_zero = false;
    return taken;
}

/*
 * No dirty run is long enough: takes one that was freed of late together with its neighbours, so
 * that pages are used that are there already.
 */
struct hak_slab *hak_free_run_take_row(size_t slabs) {
    struct hak_link *link = dirty_ages.previous;
    for (unsigned tries = HAK_ROW_TRIES; tries-- && link != &dirty_ages; link = link->previous) {
        struct hak_slab *run = hak_container(link, struct hak_slab, age);
        struct row row = {run, run->run_slabs, false};
        if (row.slabs < slabs / HAK_ROW_SHARE)
            continue;
        while (row.slabs < slabs && add_neighbour(&row))
            ;
        if (row.slabs >= slabs)
            return join_row(&row, slabs);
    }
    return NULL;
}

static bool is_part_of(const struct hak_slab *after, const struct hak_slab *run) {
    return is_free(after) && after->is_moved == run->is_moved &&
           hak_huge_is_pooled(after) == hak_huge_is_pooled(run);
}

bool hak_free_run_is_behind(const struct hak_slab *run, size_t slabs) {
    const struct hak_region *region = hak_region_of_slab(run);
    size_t found = 0;
    while (found < slabs) {
        const struct hak_slab *after = slab_after(region, run, run->run_slabs + found);
        if (!is_part_of(after, run))
            return false;
        found += after->run_slabs;
        if (hak_free_run_is_unmapped(after) && found < slabs)
            return false; /* one of them can be shown, or not: the last */
    }
    return true;
}

size_t hak_free_run_take_behind(struct hak_slab *run, size_t slabs) {
    struct hak_slab *end = run + run->run_slabs;
    size_t unmapped_slabs = 0;
    for (size_t done = 0, part_slabs; done < slabs; done += part_slabs) {
        part_slabs = hak_min(end[done].run_slabs, slabs - done);
        unmapped_slabs = hak_free_run_is_unmapped(end + done) ? part_slabs : 0;
        hak_free_run_cut(end + done, 0, part_slabs);
        hak_free_run_shape(end + done, part_slabs, HAK_SLAB_UNUSED);
    }
    return unmapped_slabs;
}

struct hak_slab *hak_free_run_find(enum hak_slab_state kind, size_t slabs) {
    return hak_run_set_find(set_of(kind), slabs);
}

struct hak_slab *hak_free_run_find_aligned(enum hak_slab_state kind, size_t slabs,
                                           size_t alignment_slabs) {
    return hak_run_set_find_aligned(set_of(kind), slabs, alignment_slabs);
}

struct hak_slab *hak_free_run_longest(enum hak_slab_state kind) {
    return hak_run_set_longest(set_of(kind));
}

size_t hak_free_run_unmapped_count(void) {
    return unmapped_count;
}

struct hak_slab *hak_free_run_cut_random(enum hak_slab_state kind, uint64_t random) {
    size_t skip;
    struct hak_slab *run =
        hak_run_set_pick(kind == HAK_SLAB_DIRTY ? &dirty_runs : &clean_runs, random, &skip);
    return run ? hak_free_run_cut(run, skip, 1) : NULL;
}

struct hak_slab *hak_free_run_oldest_dirty(void) {
    struct hak_link *oldest = dirty_ages.next;
    return oldest == &dirty_ages ? NULL : hak_container(oldest, struct hak_slab, age);
}

void hak_free_run_make_oldest(struct hak_slab *run) {
    hak_list_remove(&run->age);
    hak_list_push_front(&dirty_ages, &run->age);
}

static void verify_set(struct hak_run_set *set, enum hak_slab_state kind, size_t *ret_bytes) {
    for (unsigned bin = 0; bin < HAK_RUN_BINS; bin++) {
        bool marked = (set->nonempty[bin / 64] >> (bin % 64) & 1) != 0;
        hak_assert(marked == !hak_list_is_empty(&set->bin[bin]));
        struct hak_link *head = &set->bin[bin];
        for (struct hak_link *link = hak_list_first(head); link != head; link = link->next) {
            struct hak_slab *run = hak_container(link, struct hak_slab, link);
            hak_assert(is_free_as(run, kind));
            hak_assert(is_free_as(run + run->run_slabs - 1, kind));
            hak_assert((run + run->run_slabs - 1)->run_slabs == run->run_slabs);
            *ret_bytes += hak_slab_record_run_bytes(run);
        }
        (void)marked;
    }
    (void)kind;
}

void hak_free_run_verify(void) {
    size_t clean_bytes = 0;
    size_t unmapped_bytes = 0;
    size_t dirty_bytes = 0;
    verify_set(&clean_runs, HAK_SLAB_CLEAN, &clean_bytes);
    verify_set(&unmapped_runs, HAK_SLAB_UNMAPPED, &unmapped_bytes);
    verify_set(&dirty_runs, HAK_SLAB_DIRTY, &dirty_bytes);
    hak_assert(dirty_bytes ==
               hak_process_counters.dirty_bytes + hak_process_counters.pooled_free_bytes);
    hak_assert(unmapped_bytes == hak_process_counters.unmapped_bytes);
    hak_assert(clean_bytes + unmapped_bytes + dirty_bytes + hak_process_counters.used_bytes <=
               hak_process_counters.committed_bytes);
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the two sets of free runs, their splitting and joining, and purging. Everything is protected
 * by the heap lock; a run that is being purged is in no set (state MOVING), so the system call
 * happens without the lock. Invariant: two neighbouring free runs of one kind are one run; the
 * first and last record of a free run hold its state and length; records inside a run are UNUSED.
 */
#include "heap/superslab.h"

#include "conf/conf.h"
#include "heap/dirty.h"
#include "heap/run_set.h"
#include "os/os_memory.h"
#include "stats/process.h"

#define HAK_ROW_TRIES 8u
#define HAK_ROW_SHARE 8u /* a dirty run that is a smaller part of what is wanted is left alone */

static struct hak_run_set clean_runs;
static struct hak_run_set dirty_runs;
static struct hak_link dirty_ages; /* oldest first */

void hak_superslab_start(void) {
    hak_run_set_init(&clean_runs);
    hak_run_set_init(&dirty_runs);
    hak_list_init(&dirty_ages);
}

static uint8_t state_of(const struct hak_slab *slab) {
    return atomic_load_explicit(&slab->state, memory_order_relaxed);
}

/* relaxed: readers without the lock hold a block of the slab, so its state stands still */
static void set_state(struct hak_slab *slab, enum hak_slab_state state) {
    atomic_store_explicit(&slab->state, (uint8_t)state, memory_order_relaxed);
}

static size_t run_bytes(const struct hak_slab *run) {
    return (size_t)run->run_slabs << HAK_SLAB_SHIFT;
}

/* Writes a run's first and last record. */
static void shape_run(struct hak_slab *run, size_t slabs, enum hak_slab_state state) {
    struct hak_slab *last = run + slabs - 1;
    set_state(last, state);
    last->run_slabs = (uint32_t)slabs;
    set_state(run, state);
    run->run_slabs = (uint32_t)slabs;
}

static void leave_set(struct hak_slab *run) {
    if (state_of(run) == HAK_SLAB_DIRTY) {
        hak_run_set_remove(&dirty_runs, run);
        hak_list_remove(&run->age);
        hak_process_counters.dirty_bytes -= run_bytes(run);
    } else {
        hak_run_set_remove(&clean_runs, run);
    }
}

/* Joins a run that is in no set with free neighbours of the same kind; returns the whole. */
static struct hak_slab *join_neighbours(struct hak_slab *run, size_t *slabs,
                                        enum hak_slab_state kind) {
    struct hak_range *range = hak_range_of_slab(run);
    uintptr_t address = hak_slab_address(run);
    struct hak_slab *after = hak_range_slab_at(range, address + (*slabs << HAK_SLAB_SHIFT));
    struct hak_slab *before = run == range->slab ? NULL : hak_range_slab_at(range, address - 1);
    if (after && state_of(after) == kind && after->is_moved == run->is_moved) {
        leave_set(after);
        *slabs += after->run_slabs;
        set_state(after, HAK_SLAB_UNUSED);
    }
    if (before && state_of(before) == kind) {
        struct hak_slab *first = before - (before->run_slabs - 1);
        if (first->is_moved == run->is_moved) {
            leave_set(first);
            set_state(before, HAK_SLAB_UNUSED);
            set_state(run, HAK_SLAB_UNUSED);
            *slabs += first->run_slabs;
            run = first;
        }
    }
    return run;
}

static void insert_run(struct hak_slab *run, size_t slabs, enum hak_slab_state kind) {
    set_state(run + slabs - 1, HAK_SLAB_UNUSED);
    run = join_neighbours(run, &slabs, kind);
    shape_run(run, slabs, kind);
    if (kind == HAK_SLAB_DIRTY) {
        hak_run_set_insert(&dirty_runs, run);
        hak_list_push_back(&dirty_ages, &run->age);
        hak_process_counters.dirty_bytes += run_bytes(run);
    } else {
        run->is_moved = false;
        hak_run_set_insert(&clean_runs, run);
    }
}

/* Puts back what a larger run had too much, with its kind. */
static void insert_rest(struct hak_slab *rest, size_t slabs, const struct hak_slab *of,
                        enum hak_slab_state kind) {
    rest->is_moved = of->is_moved;
    insert_run(rest, slabs, kind);
}

/* Takes `slabs` slabs from `skip` on out of a free run; the rest stays free. */
static struct hak_slab *cut_at(struct hak_slab *run, size_t skip, size_t slabs) {
    enum hak_slab_state kind = (enum hak_slab_state)state_of(run);
    size_t total = run->run_slabs;
    struct hak_slab *taken = run + skip;
    leave_set(run);
    shape_run(run, total, HAK_SLAB_UNUSED);
    taken->is_moved = run->is_moved;
    shape_run(taken, slabs, HAK_SLAB_MOVING);
    if (skip)
        insert_rest(run, skip, taken, kind);
    if (total > skip + slabs)
        insert_rest(taken + slabs, total - skip - slabs, taken, kind);
    taken->is_zero = kind == HAK_SLAB_CLEAN;
    if (kind == HAK_SLAB_DIRTY)
        hak_process_counters.faults_avoided += (slabs << HAK_SLAB_SHIFT) / hak_os_page_bytes;
    hak_process_counters.used_bytes += slabs << HAK_SLAB_SHIFT;
    hak_dirty_note_take(kind == HAK_SLAB_CLEAN ? slabs << HAK_SLAB_SHIFT : 0);
    return taken;
}

static struct hak_slab *cut_run(struct hak_slab *run, size_t slabs, size_t alignment_slabs) {
    size_t index = hak_slab_address(run) >> HAK_SLAB_SHIFT;
    return cut_at(run, hak_round_up(index, alignment_slabs) - index, slabs);
}

static bool is_free(const struct hak_slab *slab) {
    return state_of(slab) == HAK_SLAB_CLEAN || state_of(slab) == HAK_SLAB_DIRTY;
}

/* Free runs of both kinds in a row. Only the one added last may be longer than is wanted. */
struct row {
    struct hak_slab *first;
    size_t slabs;
    bool grew_left; /* by the one added last */
};

/* Adds the neighbour behind the row, or else the one before it. */
static bool add_neighbour(struct row *row) {
    const struct hak_range *range = hak_range_of_slab(row->first);
    uintptr_t end = hak_slab_address(row->first) + (row->slabs << HAK_SLAB_SHIFT);
    const struct hak_slab *after = hak_range_slab_at(range, end);
    row->grew_left = !after || !is_free(after);
    if (!row->grew_left) {
        row->slabs += after->run_slabs;
        return true;
    }
    /* The SuperSlab before may be one that another thread is just committing. */
    const struct hak_slab *before = hak_range_slab_at(range, hak_slab_address(row->first) - 1);
    if (!before || !is_free(before))
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
        is_moved |= cut_at(run, done ? 0 : skip, slabs)->is_moved;
        shape_run(taken + done, slabs, HAK_SLAB_UNUSED);
    }
    shape_run(taken, wanted, HAK_SLAB_MOVING);
    taken->is_moved = is_moved;
    taken->is_zero = false;
    return taken;
}

/*
 * No dirty run is long enough: takes one that was freed of late together with its neighbours, so
 * that pages are used that are there already.
 */
static struct hak_slab *take_row(size_t slabs) {
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

static struct hak_slab *take_free_run(size_t slabs, size_t alignment_slabs) {
    size_t enough = slabs + alignment_slabs - 1;
    struct hak_slab *run = hak_run_set_find(&dirty_runs, enough);
    if (run)
        return cut_run(run, slabs, alignment_slabs);
    run = slabs > 1 && alignment_slabs == 1 ? take_row(slabs) : NULL;
    if (run)
        return run;
    run = hak_run_set_find(&clean_runs, enough);
    return run ? cut_run(run, slabs, alignment_slabs) : NULL;
}

static bool grow_clean_runs(size_t slabs) {
    size_t grown;
    struct hak_slab *run = hak_range_grow(slabs, &grown);
    if (!run)
        return false;
    hak_lock_take(&hak_heap_lock);
    run->is_moved = false;
    insert_run(run, grown, HAK_SLAB_CLEAN);
    hak_lock_give(&hak_heap_lock);
    return true;
}

struct hak_slab *hak_run_take(size_t slabs, size_t alignment_slabs) {
    bool has_purged = false;
    if (HAK_UNLIKELY(atomic_load_explicit(&hak_range_count, memory_order_acquire) == 0))
        return NULL; /* the allocator could not start */
    for (;;) {
        hak_lock_take(&hak_heap_lock);
        struct hak_slab *run = take_free_run(slabs, alignment_slabs);
        hak_lock_give(&hak_heap_lock);
        if (run)
            return run;
        if (grow_clean_runs(slabs + alignment_slabs - 1))
            continue;
        /* No more memory: clean and dirty neighbours become one run when all are clean. */
        if (has_purged || hak_purge_all() == 0)
            return NULL;
        has_purged = true;
    }
}

/* The end of a dirty run leaves its set; the rest stays as old as it is. */
static struct hak_slab *cut_to_purge(struct hak_slab *run, size_t slabs) {
    size_t rest_slabs = run->run_slabs - slabs;
    struct hak_slab *cut = run + rest_slabs;
    leave_set(run);
    shape_run(run, run->run_slabs, HAK_SLAB_UNUSED);
    shape_run(cut, slabs, HAK_SLAB_MOVING);
    cut->is_moved = run->is_moved;
    if (rest_slabs) {
        insert_rest(run, rest_slabs, cut, HAK_SLAB_DIRTY);
        hak_list_remove(&run->age);
        hak_list_push_front(&dirty_ages, &run->age);
    }
    return cut;
}

/* A run out of its set, ready to be purged: no more than is above the bound. */
static struct hak_slab *take_oldest_dirty(size_t bound_bytes) {
    struct hak_slab *run = NULL;
    hak_lock_take(&hak_heap_lock);
    size_t dirty_bytes = hak_process_counters.dirty_bytes;
    if (!hak_list_is_empty(&dirty_ages) && dirty_bytes > bound_bytes) {
        size_t excess = hak_round_up(dirty_bytes - bound_bytes, HAK_SLAB_BYTES) >> HAK_SLAB_SHIFT;
        run = hak_container(dirty_ages.next, struct hak_slab, age);
        run = cut_to_purge(run, hak_min(run->run_slabs, excess));
    }
    hak_lock_give(&hak_heap_lock);
    return run;
}

/* A run that mremap filled keeps a mapping of its own until it is mapped anew. */
static bool purge_run(struct hak_slab *run) {
    size_t bytes = run_bytes(run);
    void *start = (void *)hak_slab_address(run);
    bool done = run->is_moved ? hak_os_renew(start, bytes) : hak_os_purge(start, bytes);
    hak_lock_take(&hak_heap_lock);
    if (done) {
        run->is_moved = false;
        hak_process_counters.purges++;
        hak_process_counters.purged_bytes += bytes;
        hak_dirty_note_purge(bytes);
    }
    insert_run(run, run->run_slabs, done ? HAK_SLAB_CLEAN : HAK_SLAB_DIRTY);
    hak_lock_give(&hak_heap_lock);
    return done;
}

static size_t purge_above(size_t bound_bytes) {
    size_t purged_bytes = 0;
    struct hak_slab *run;
    while ((run = take_oldest_dirty(bound_bytes)) != NULL) {
        size_t bytes = run_bytes(run);
        if (!purge_run(run))
            break;
        purged_bytes += bytes;
    }
    return purged_bytes;
}

size_t hak_purge_all(void) {
    return purge_above(0);
}

void hak_run_give(struct hak_slab *run) {
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.used_bytes -= run_bytes(run);
    insert_run(run, run->run_slabs, HAK_SLAB_DIRTY);
    size_t bound_bytes = hak_dirty_bound_bytes();
    size_t goal_bytes = hak_dirty_goal_bytes(bound_bytes);
    bool is_above = hak_process_counters.dirty_bytes > bound_bytes;
    hak_lock_give(&hak_heap_lock);
    if (is_above && hak_conf.purge)
        purge_above(goal_bytes);
}

void hak_run_give_clean(struct hak_slab *run) {
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.used_bytes -= run_bytes(run);
    insert_run(run, run->run_slabs, HAK_SLAB_CLEAN);
    hak_lock_give(&hak_heap_lock);
}

void hak_run_shrink(struct hak_slab *run, size_t slabs) {
    struct hak_slab *rest = run + slabs;
    size_t rest_slabs = run->run_slabs - slabs;
    hak_lock_take(&hak_heap_lock);
    rest->is_moved = run->is_moved;
    rest->run_slabs = (uint32_t)rest_slabs;
    run->run_slabs = (uint32_t)slabs;
    hak_lock_give(&hak_heap_lock);
    hak_run_give(rest);
}

/* The free run right behind a run in use, if there is one. */
static struct hak_slab *run_after(const struct hak_slab *run) {
    struct hak_range *range = hak_range_of_slab(run);
    struct hak_slab *after = hak_range_slab_at(range, hak_slab_address(run) + run_bytes(run));
    if (!after || (state_of(after) != HAK_SLAB_CLEAN && state_of(after) != HAK_SLAB_DIRTY))
        return NULL;
    return after;
}

bool hak_run_extend(struct hak_slab *run, size_t slabs) {
    size_t more = slabs - run->run_slabs;
    bool done = false;
    hak_lock_take(&hak_heap_lock);
    struct hak_slab *after = run_after(run);
    if (after && after->run_slabs >= more && after->is_moved == run->is_moved) {
        struct hak_slab *taken = cut_run(after, more, 1);
        set_state(taken, HAK_SLAB_UNUSED);
        set_state(taken + more - 1, HAK_SLAB_UNUSED);
        set_state(run + run->run_slabs - 1,
                  run->run_slabs == 1 ? (enum hak_slab_state)state_of(run) : HAK_SLAB_UNUSED);
        run->run_slabs = (uint32_t)slabs;
        done = true;
    }
    hak_lock_give(&hak_heap_lock);
    return done;
}

static void verify_set(struct hak_run_set *set, uint8_t kind, size_t *ret_bytes) {
    for (unsigned bin = 0; bin < HAK_RUN_BINS; bin++) {
        bool marked = (set->nonempty[bin / 64] >> (bin % 64) & 1) != 0;
        hak_assert(marked == !hak_list_is_empty(&set->bin[bin]));
        struct hak_link *head = &set->bin[bin];
        for (struct hak_link *link = head->next; link != head; link = link->next) {
            struct hak_slab *run = hak_container(link, struct hak_slab, link);
            hak_assert(state_of(run) == kind);
            hak_assert(state_of(run + run->run_slabs - 1) == kind);
            hak_assert((run + run->run_slabs - 1)->run_slabs == run->run_slabs);
            *ret_bytes += run_bytes(run);
        }
        (void)marked;
    }
    (void)kind;
}

void hak_superslab_verify(void) {
    size_t clean_bytes = 0;
    size_t dirty_bytes = 0;
    hak_lock_take(&hak_heap_lock);
    verify_set(&clean_runs, HAK_SLAB_CLEAN, &clean_bytes);
    verify_set(&dirty_runs, HAK_SLAB_DIRTY, &dirty_bytes);
    hak_assert(dirty_bytes == hak_process_counters.dirty_bytes);
    hak_assert(clean_bytes + dirty_bytes + hak_process_counters.used_bytes <=
               hak_process_counters.committed_bytes);
    hak_lock_give(&hak_heap_lock);
}

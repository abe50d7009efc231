/* SPDX-License-Identifier: MIT */
/*
 * Owns the queue of freed large blocks. Invariant: a run in it is inaccessible as a whole and in
 * state WAITING; the queue is in order of the frees. Both what waits and the guards behind live
 * blocks are bounded in number, because each costs two mappings of the process's 65,530. Runs that
 * could not be made accessible again, for want of mappings, are stranded, state WAITING, until it
 * can be done.
 */
#include "large/large_hardened.h"

#include "base/wipe.h"
#include "core/lock.h"
#include "front/pressure.h"
#include "hardening/hardened_block.h"
#include "os/os_memory.h"
#include "os/os_time.h"
#include "pages/free_run.h"
#include "pages/run.h"

#include <string.h>

#define HAK_SAMPLED_GUARD_MOST 1000 /* live blocks with a guard */
#define HAK_WAITING_MOST 64u
#define HAK_WAITING_LEAST 8u /* that many are freed later than one that is used again */
#define HAK_WIPED_MOST_BYTES HAK_KIB(256) /* above, new pages are cheaper than clearing */
#define HAK_KEPT_BYTES HAK_MIB(2)         /* of pages that wait wiped */

struct waiting {
    struct hak_slab *run;
    size_t slabs;
    size_t kept_bytes; /* from its start on: resident, and wiped if anything is; 0: all is new */
    uint64_t since_ms;
};

static struct {
    struct waiting oldest_first[HAK_WAITING_MOST];
    unsigned count;
    size_t kept_bytes;
} queue;

static struct hak_link stranded = {&stranded, &stranded}; /* heap lock */

/* relaxed: a bound */
static _Atomic int guarded_blocks;

static char *start_of(const struct hak_slab *run) {
    return (char *)hak_region_slab_address(run);
}

static size_t rounded_bytes(size_t bytes) {
    return hak_round_up(bytes + HAK_TRAILER_BYTES, hak_os_page_bytes);
}

static size_t slabs_for(size_t bytes) {
    size_t guard_bytes = hak_hardened.guards ? hak_os_page_bytes : 0;
    return (bytes + HAK_TRAILER_BYTES + guard_bytes + HAK_SLAB_BYTES - 1) >> HAK_SLAB_SHIFT;
}

/* ---- guards ---- */

static bool may_guard(void) {
    if (!hak_hardened.guards)
        return false;
    if (atomic_fetch_add_explicit(&guarded_blocks, 1, memory_order_relaxed) <
        HAK_SAMPLED_GUARD_MOST)
        return true;
    atomic_fetch_sub_explicit(&guarded_blocks, 1, memory_order_relaxed);
    return false;
}

static void forget_guard(struct hak_slab *slab) {
    if (slab->has_guard)
        atomic_fetch_sub_explicit(&guarded_blocks, 1, memory_order_relaxed);
    slab->has_guard = false;
}

/* Of a run that is accessible. */
static void guard(struct hak_slab *slab) {
    size_t rest_bytes = hak_slab_record_run_bytes(slab) - slab->large_bytes;
    slab->has_guard = false;
    if (rest_bytes == 0 || !may_guard())
        return;
    slab->has_guard = true;
    if (!hak_os_make_inaccessible(start_of(slab) + slab->large_bytes, rest_bytes))
        forget_guard(slab);
}

/* False: for want of mappings it stays. */
static bool unguard(struct hak_slab *slab) {
    size_t rest_bytes = hak_slab_record_run_bytes(slab) - slab->large_bytes;
    if (slab->has_guard && !hak_os_commit(start_of(slab) + slab->large_bytes, rest_bytes))
        return false;
    forget_guard(slab);
    return true;
}

/* ---- the queue ---- */

/* Lock held. */
static struct waiting take_out(unsigned place) {
    struct waiting taken = queue.oldest_first[place];
    queue.count--;
    queue.kept_bytes -= taken.kept_bytes;
    memmove(&queue.oldest_first[place], &queue.oldest_first[place + 1],
            (queue.count - place) * sizeof taken);
    hak_slab_record_set_state(taken.run, HAK_SLAB_MOVING);
    return taken;
}

/* Lock held. */
static bool is_due(uint64_t now_ms, unsigned most, size_t most_bytes) {
    if (queue.count == 0)
        return false;
    bool is_old = hak_hardened.quarantine_ms &&
                  queue.oldest_first[0].since_ms + hak_hardened.quarantine_ms <= now_ms;
    return is_old || queue.count > most || queue.kept_bytes > most_bytes;
}

void hak_large_hardened_forget(void) {
    queue.count = 0;
    queue.kept_bytes = 0;
    hak_list_init(&stranded);
}

static void strand(struct hak_slab *run) {
    forget_guard(run);
    hak_lock_take(&hak_heap_lock);
    hak_list_push_back(&stranded, &run->link);
    hak_slab_record_set_state(run, HAK_SLAB_WAITING);
    hak_lock_release(&hak_heap_lock);
}

static void give_run(struct hak_slab *run, size_t kept_bytes) {
    if (hak_hardened.zeroes && !kept_bytes)
        hak_run_return_clean(run);
    else
        hak_run_return(run);
}

static bool release(const struct waiting *waited) {
    struct hak_slab *run = waited->run;
    bool done = hak_os_commit(start_of(run), hak_slab_record_run_bytes(run));
    if (done)
        give_run(run, waited->kept_bytes);
    else
        strand(run);
    return done;
}

/* Until there is none, or one can't be: how much of it is resident isn't known any more. */
static void release_stranded(void) {
    struct waiting waited;
    do {
        waited = (struct waiting){.kept_bytes = 1};
        hak_lock_take(&hak_heap_lock);
        if (!hak_list_is_empty(&stranded)) {
            waited.run = hak_container(stranded.next, struct hak_slab, link);
            hak_list_remove(&waited.run->link);
            hak_slab_record_set_state(waited.run, HAK_SLAB_MOVING);
        }
        hak_lock_release(&hak_heap_lock);
    } while (waited.run && release(&waited));
}

static void release_above(unsigned most, size_t most_bytes) {
    uint64_t now_ms = hak_hardened.quarantine_ms ? hak_os_now_ms() : 0;
    bool is_one_due, is_one_stranded;
    do {
        struct waiting waited = {0};
        hak_lock_take(&hak_heap_lock);
        is_one_stranded = !hak_list_is_empty(&stranded);
        is_one_due = is_due(now_ms, most, most_bytes);
        if (is_one_due)
            waited = take_out(0);
        hak_lock_release(&hak_heap_lock);
        if (is_one_due)
            release(&waited);
    } while (is_one_due);
    if (HAK_UNLIKELY(is_one_stranded))
        release_stranded();
}

void hak_large_hardened_release(void) {
    release_above(0, 0);
}

/* A block of the same length that has waited a while: what is behind it stays inaccessible. */
static struct hak_slab *take_waiting(size_t bytes, size_t slabs) {
    struct waiting waited = {0};
    hak_lock_take(&hak_heap_lock);
    for (unsigned i = 0; i + HAK_WAITING_LEAST < queue.count && !waited.run; i++)
        if (queue.oldest_first[i].slabs == slabs)
            waited = take_out(i);
    hak_lock_release(&hak_heap_lock);
    struct hak_slab *run = waited.run;
    if (!run)
        return NULL;
    run->large_bytes = rounded_bytes(bytes);
    run->is_zero =
        hak_hardened.zeroes && (!waited.kept_bytes || run->large_bytes <= waited.kept_bytes);
    run->has_guard = run->large_bytes < hak_slab_record_run_bytes(run) && may_guard();
    if (hak_os_commit(start_of(run),
                      run->has_guard ? run->large_bytes : hak_slab_record_run_bytes(run)))
        return run;
    strand(run);
    return NULL;
}

/* ---- blocks ---- */

struct hak_slab *hak_large_hardened_take(size_t bytes, size_t alignment_slabs) {
    size_t slabs = slabs_for(bytes);
    struct hak_slab *slab = NULL;
    if (hak_hardened.quarantine_bytes && alignment_slabs == 1)
        slab = take_waiting(bytes, slabs);
    if (!slab) {
        slab = hak_pressure_take_run(slabs, alignment_slabs);
        if (!slab)
            return NULL;
        slab->large_bytes = rounded_bytes(bytes);
        guard(slab);
    }
    slab->size_class = HAK_CLASS_NONE;
    if (!slab->is_zero) /* a copy of the block must not look like a free one */
        ((struct hak_block *)start_of(slab))->mark = 0;
    hak_hardened_block_seal_large(slab, bytes);
    return slab;
}

/* Returns how many bytes of it stay resident. What is behind those was never the program's. */
static size_t wipe(struct hak_slab *slab) {
    void *start = start_of(slab);
    if (hak_hardened.zeroes && slab->large_bytes > HAK_WIPED_MOST_BYTES &&
        hak_os_purge(start, hak_slab_record_run_bytes(slab)))
        return 0;
    if (hak_hardened.zeroes)
        hak_wipe(start, slab->large_bytes);
    return slab->large_bytes;
}

static bool let_wait(struct hak_slab *slab, size_t kept_bytes) {
    if (!hak_hardened.quarantine_bytes ||
        !hak_os_make_inaccessible(start_of(slab), hak_slab_record_run_bytes(slab)))
        return false;
    forget_guard(slab);
    release_above(HAK_WAITING_MOST - 1, HAK_KEPT_BYTES);
    uint64_t now_ms = hak_hardened.quarantine_ms ? hak_os_now_ms() : 0;
    hak_lock_take(&hak_heap_lock);
    bool has_room = queue.count < HAK_WAITING_MOST; /* other threads may have been quicker */
    if (has_room) {
        queue.oldest_first[queue.count++] =
            (struct waiting){slab, slab->run_slabs, kept_bytes, now_ms};
        queue.kept_bytes += kept_bytes;
        hak_slab_record_set_state(slab, HAK_SLAB_WAITING);
    }
    hak_lock_release(&hak_heap_lock);
    if (!has_room)
        release(&(struct waiting){slab, slab->run_slabs, kept_bytes, now_ms});
    return true;
}

void hak_large_hardened_return(struct hak_slab *slab) {
    hak_hardened_block_check_large(slab);
    size_t kept_bytes = wipe(slab);
    if (let_wait(slab, kept_bytes))
        return;
    if (unguard(slab))
        give_run(slab, kept_bytes);
    else
        strand(slab);
}

/* The new end of a run that has no guard now; what was cut off is wiped. */
static void set_end(struct hak_slab *slab, size_t large_bytes) {
    size_t old_bytes = slab->large_bytes;
    char *start = start_of(slab);
    if (large_bytes > old_bytes) /* its trailer becomes the program's */
        memset(start + old_bytes - HAK_TRAILER_BYTES, 0, HAK_TRAILER_BYTES);
    else if (hak_hardened.zeroes)
        memset(start + large_bytes, 0, old_bytes - large_bytes);
    slab->large_bytes = large_bytes;
}

bool hak_large_hardened_resize(struct hak_slab *slab, size_t bytes) {
    size_t slabs = slabs_for(bytes);
    size_t large_bytes = rounded_bytes(bytes);
    hak_hardened_block_check_large(slab);
    if (large_bytes != slab->large_bytes) {
        if (slabs < slab->run_slabs || !unguard(slab))
            return false;
        bool has_room = slabs == slab->run_slabs || hak_run_extend(slab, slabs);
        if (has_room)
            set_end(slab, large_bytes);
        guard(slab);
        if (!has_room)
            return false;
    }
    hak_hardened_block_seal_large(slab, bytes);
    return true;
}

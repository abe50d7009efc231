/* SPDX-License-Identifier: MIT */
/*
 * Owns the budget of guard pages and the queue of freed blocks. Invariant: the record in front of a
 * block with guard pages is MOVING, a run of one slab; a block in the queue is WAITING and, if
 * is_zero, without pages and inaccessible with both guards, else of unknown content and access.
 */
#include "large/guard_page.h"

#include "conf/conf.h"
#include "core/hardened.h"
#include "core/lock.h"
#include "os/os_memory.h"
#include "os/os_time.h"
#include "pages/free_run.h"
#include "pages/run.h"
#include "stats/process.h"

#define HAK_GUARDED_LARGE_MOST 48 /* with those that wait: each costs up to three mappings */
#define HAK_WAITING_MOST 16u
#define HAK_BYTES_PER_MS HAK_KIB(4) /* 4 MiB of new pages a second: under a thousandth of it */
#define HAK_BUDGET_MS 1024u         /* 4 MiB at once */
#define HAK_CALLS_BYTES HAK_KIB(64) /* as dear as the system calls of one */
#define HAK_CALLS_SHARE 256u        /* of the time, where they are dearer */
#define HAK_CALLS_MOST_MS 128u      /* one that was held up is not to end it for all */

bool hak_guard_page_is_on;

static struct hak_link oldest_first = {&oldest_first, &oldest_first};
static unsigned waiting_count;

/* relaxed, both: bounds */
static _Atomic uint64_t budget_spent_ms;
static _Atomic int guarded_blocks;

void hak_guard_page_start(void) {
    bool has_limit = hak_conf.soft_limit || hak_conf.hard_limit;
    bool purges = hak_conf.purge && !hak_conf.lazy_purge && !hak_conf.prealloc;
    bool is_wanted = hak_conf.fences && !hak_hardened.is_on && hak_conf.huge_pages <= 1;
    hak_guard_page_is_on = is_wanted && purges && !has_limit;
}

/* ---- budget ---- */

/* A leaky bucket (the "generic cell rate algorithm" of ITU-T I.371): what was spent lies on a line
 * of time that is never further behind the clock than the bucket is deep; where it has run ahead of
 * the clock, nothing can be had. Returns what was paid; 0: nothing, it can't be. */
static uint64_t pay(size_t bytes) {
    uint64_t cost_ms = hak_max(bytes, HAK_CALLS_BYTES) / HAK_BYTES_PER_MS;
    uint64_t now_ms = hak_os_now_ms();
    uint64_t spent_ms = atomic_load_explicit(&budget_spent_ms, memory_order_relaxed);
    uint64_t from_ms = hak_max(spent_ms, hak_excess(now_ms, HAK_BUDGET_MS));
    if (from_ms + cost_ms > now_ms)
        return 0;
    bool done = atomic_compare_exchange_strong_explicit(
        &budget_spent_ms, &spent_ms, from_ms + cost_ms, memory_order_relaxed, memory_order_relaxed);
    return done ? cost_ms : 0;
}

/* Some kernels need a hundred times as long: what system calls really took above what was paid is
 * paid afterwards. */
static void pay_calls(uint64_t begun_ns, uint64_t paid_ms) {
    uint64_t took_ns = hak_os_now_ns() - begun_ns;
    uint64_t cost_ms = hak_min(took_ns * HAK_CALLS_SHARE / 1000000, HAK_CALLS_MOST_MS);
    if (cost_ms > paid_ms)
        atomic_fetch_add_explicit(&budget_spent_ms, cost_ms - paid_ms, memory_order_relaxed);
}

static void count(int blocks) {
    atomic_fetch_add_explicit(&guarded_blocks, blocks, memory_order_relaxed);
}

/* ---- runs ---- */

static char *start_of(const struct hak_slab *run) {
    return (char *)hak_region_slab_address(run);
}

static size_t block_bytes(const struct hak_slab *slab) {
    return hak_round_up(slab->large_bytes, HAK_SLAB_BYTES);
}

/* Slabs that are guards as a whole are not in use; the lock is held. */
static void count_used(const struct hak_slab *slab, int sign) {
    size_t guard_bytes = hak_slab_record_run_bytes(slab) + HAK_SLAB_BYTES - block_bytes(slab);
    hak_process_counters.used_bytes += (uint64_t)(sign * (int64_t)guard_bytes);
}

/* Cuts the first slab off a run in use, and makes the rest a block. */
static struct hak_slab *split(struct hak_slab *run, size_t large_bytes) {
    struct hak_slab *slab = run + 1;
    hak_lock_take(&hak_heap_lock);
    size_t slabs = run->run_slabs - 1;
    hak_free_run_shape(run, 1, HAK_SLAB_MOVING);
    hak_free_run_shape(slab, slabs, HAK_SLAB_MOVING);
    slab->large_bytes = large_bytes;
    slab->size_class = HAK_CLASS_NONE;
    slab->has_guard_page = true;
    count_used(slab, -1);
    slab->is_zero = run->is_zero;
    slab->is_moved = run->is_moved;
    hak_lock_release(&hak_heap_lock);
    return slab;
}

/* The whole run again, accessible. NULL, for want of mappings: nothing changed. */
static struct hak_slab *join(struct hak_slab *slab) {
    struct hak_slab *run = slab - 1;
    size_t slabs = (size_t)slab->run_slabs + 1;
    if (!hak_os_commit(start_of(run), slabs << HAK_SLAB_SHIFT))
        return NULL;
    hak_os_exclude_from_dumps(start_of(run), slabs << HAK_SLAB_SHIFT, false);
    hak_lock_take(&hak_heap_lock);
    count_used(slab, 1);
    hak_slab_record_set_state(slab, HAK_SLAB_UNUSED);
    slab->has_guard_page = false;
    hak_free_run_shape(run, slabs, HAK_SLAB_MOVING);
    run->is_moved = slab->is_moved;
    hak_lock_release(&hak_heap_lock);
    return run;
}

/* Core dumps leave it out. */
static bool deny(void *start, size_t bytes) {
    return hak_os_make_inaccessible(start, bytes) && hak_os_exclude_from_dumps(start, bytes, true);
}

/* A guard holds no pages. */
static bool put_up(void *start, size_t bytes, bool is_zero) {
    return (is_zero || hak_os_purge(start, bytes)) && deny(start, bytes);
}

static void let_wait(struct hak_slab *slab) {
    hak_lock_take(&hak_heap_lock);
    hak_list_push_back(&oldest_first, &slab->link);
    waiting_count++;
    hak_process_counters.used_bytes -= block_bytes(slab);
    hak_slab_record_set_state(slab, HAK_SLAB_WAITING);
    hak_lock_release(&hak_heap_lock);
}

/* Back to the free runs; what can't go there now tries again when others have waited. */
static bool give_or_wait(struct hak_slab *slab) {
    bool is_zero = slab->is_zero;
    struct hak_slab *run = join(slab);
    if (!run) {
        let_wait(slab);
        return false;
    }
    count(-1);
    if (is_zero && !atomic_load_explicit(&hak_os_is_locked, memory_order_relaxed))
        hak_run_return_clean(run);
    else
        hak_run_return(run);
    return true;
}

/* If more than `most` wait. False: there is none to release, or it can't be. */
static bool release_oldest(unsigned most) {
    struct hak_slab *slab = NULL;
    hak_lock_take(&hak_heap_lock);
    if (waiting_count > most) {
        slab = hak_container(oldest_first.next, struct hak_slab, link);
        hak_list_remove(&slab->link);
        waiting_count--;
        hak_process_counters.used_bytes += block_bytes(slab);
        hak_slab_record_set_state(slab, HAK_SLAB_MOVING);
        hak_run_depart();
    }
    hak_lock_release(&hak_heap_lock);
    if (!slab)
        return false;
    bool done = give_or_wait(slab);
    hak_lock_take(&hak_heap_lock);
    hak_run_arrive(true);
    hak_lock_release(&hak_heap_lock);
    hak_run_wake();
    return done;
}

/* A guard would take a huge page apart. */
static bool has_huge_pages(void) {
    hak_lock_take(&hak_heap_lock);
    bool is_huge = hak_process_counters.huge_bytes != 0;
    hak_lock_release(&hak_heap_lock);
    return is_huge;
}

static bool put_up_both(struct hak_slab *slab, uint64_t paid_ms) {
    size_t rest_bytes = hak_slab_record_run_bytes(slab) - slab->large_bytes;
    uint64_t begun_ns = hak_os_now_ns();
    bool done = put_up(start_of(slab - 1), HAK_SLAB_BYTES, slab->is_zero) &&
                put_up(start_of(slab) + slab->large_bytes, rest_bytes, slab->is_zero);
    pay_calls(begun_ns, paid_ms);
    return done;
}

struct hak_slab *hak_guard_page_take(size_t bytes) {
    size_t large_bytes = hak_round_up(bytes, hak_os_page_bytes);
    bool has_room =
        atomic_load_explicit(&guarded_blocks, memory_order_relaxed) < HAK_GUARDED_LARGE_MOST;
    uint64_t paid_ms = has_room ? pay(0) : 0;
    if (!paid_ms || has_huge_pages())
        return NULL;
    size_t slabs = (large_bytes + hak_os_page_bytes + HAK_SLAB_BYTES - 1) >> HAK_SLAB_SHIFT;
    struct hak_shortage shortage;
    struct hak_slab *run =
        hak_run_take(slabs + 1, 1, false, &shortage); /* others may need no fence */
    if (!run)
        return NULL;
    struct hak_slab *slab = split(run, large_bytes);
    count(1);
    if (put_up_both(slab, paid_ms))
        return slab;
    give_or_wait(slab);
    return NULL;
}

/* ---- freed blocks ---- */

void hak_guard_page_forget(void) {
    count(-(int)waiting_count);
    waiting_count = 0;
    hak_list_init(&oldest_first);
}

void hak_guard_page_release(void) {
    while (release_oldest(0))
        ;
}

/* Mapped anew, whatever the program did to the mapping. Until the end of it the guard may be
 * accessible. */
static bool close_up(struct hak_slab *slab) {
    void *start = start_of(slab);
    slab->is_zero = hak_os_renew(start, hak_slab_record_run_bytes(slab));
    if (slab->is_zero)
        slab->is_moved = false;
    return slab->is_zero && deny(start, hak_slab_record_run_bytes(slab));
}

void hak_guard_page_return(struct hak_slab *slab) {
    slab->is_zero = false;
    uint64_t begun_ns = hak_os_now_ns();
    /* Whoever is next needs new pages. */
    uint64_t paid_ms = pay(slab->large_bytes);
    if (paid_ms && close_up(slab)) {
        let_wait(slab);
        while (release_oldest(HAK_WAITING_MOST))
            ;
    } else {
        give_or_wait(slab);
    }
    pay_calls(begun_ns, paid_ms);
}

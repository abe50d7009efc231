/* SPDX-License-Identifier: MIT */
/*
 * Owns the order in which memory is looked for, and when it is hopeless. Invariant: what a thread
 * freed it can have again, if it fits; and what no effort could serve costs none. Nothing is done
 * twice for a request, and what was given back once can't be given back again, so that requests
 * that fail one after the other cost a system call or two each.
 */
#include "front/pressure.h"

#include "cache/cache.h"
#include "cache/overflow.h"
#include "cache/remote.h"
#include "cache/trim.h"
#include "core/lock.h"
#include "large/guard_page.h"
#include "large/large_hardened.h"
#include "os/os_time.h"
#include "pages/purge.h"
#include "pages/run.h"
#include "stats/process.h"

#define HAK_ASK_MS 100u       /* other threads' caches are not asked more often than that */
#define HAK_WAITS 100u        /* for runs on their way, and as many arrivals */
#define HAK_RELEASE_SHARE 64u /* less free memory than this share of a request isn't worth it */
#define HAK_CACHES_SHARE 4u   /* the same of what caches could hold at most */

/* What was tried for one request. */
struct effort {
    size_t bytes; /* wanted */
    unsigned waits;
    bool has_purged; /* for the limit's sake */
    bool has_joined;
    bool has_trimmed;
    bool has_released;
};

/* What could help, at most. */
struct hope {
    size_t committed_bytes;
    size_t mapped_bytes; /* free, but in pieces, or dirty */
    size_t cached_bytes; /* those and all that isn't a large block */
    size_t free_bytes;   /* the first, and what has no address space, or is on its way */
    bool fits_limit;
};

static struct hope find_hope(size_t bytes) {
    hak_lock_take(&hak_heap_lock);
    size_t committed_bytes = hak_process_counters.committed_bytes;
    size_t mapped_bytes = hak_excess(committed_bytes, hak_process_counters.unmapped_bytes);
    struct hope hope = {
        .committed_bytes = committed_bytes,
        .mapped_bytes = hak_excess(mapped_bytes, hak_process_counters.used_bytes),
        .cached_bytes = hak_excess(mapped_bytes, hak_process_counters.large_bytes),
        .free_bytes = hak_excess(committed_bytes, hak_process_counters.used_bytes),
        .fits_limit = hak_limit_can_hold(bytes),
    };
    hak_lock_release(&hak_heap_lock);
    return hope;
}

/* relaxed: whoever is second asks later */
static bool may_ask(void) {
    static _Atomic uint64_t asked_ms;
    uint64_t now_ms = hak_os_now_ms();
    uint64_t last_ms = atomic_load_explicit(&asked_ms, memory_order_relaxed);
    return (last_ms == 0 || now_ms - last_ms >= HAK_ASK_MS) &&
           atomic_compare_exchange_strong_explicit(&asked_ms, &last_ms, now_ms,
                                                   memory_order_relaxed, memory_order_relaxed);
}

/* Their bins are theirs alone, and follow in their slow paths; their inboxes can be sorted. */
static void ask_others(const struct hak_heap *mine) {
    hak_limit_ask_caches();
    hak_lock_take(&hak_heap_lock);
    struct hak_heap *heap = hak_first_heap;
    hak_lock_release(&hak_heap_lock);
    for (; heap; heap = heap->next_heap)
        if (heap != mine)
            hak_overflow_relieve(heap);
}

static void empty_caches(void) {
    struct hak_heap *mine = hak_heap_get();
    if (may_ask())
        ask_others(mine);
    if (mine) {
        hak_heap_enter(mine);
        hak_remote_flush(mine);
        hak_remote_drain(mine, HAK_DRAIN_ALL);
        hak_heap_leave(mine);
        hak_trim_start(mine);
        hak_cache_flush_all(mine);
    }
    hak_large_hardened_release();
    hak_guard_page_release();
}

/* With the hard limit reached, only what frees whole runs helps. */
static bool help_at_limit(struct effort *effort) {
    if (effort->has_trimmed || !find_hope(effort->bytes).fits_limit)
        return false;
    effort->has_trimmed = true;
    empty_caches();
    hak_purge_above(0);
    return true;
}

/* Only what is mapped can serve a request for more than the machine has. */
static size_t least_hope(size_t bytes, size_t share) {
    return bytes > hak_limit_machine_bytes ? bytes : bytes / share;
}

/* Clean and dirty neighbours become one run when all are clean. */
static bool join_free(struct effort *effort, const struct hope *hope) {
    bool is_turn =
        !effort->has_joined && hope->mapped_bytes >= least_hope(effort->bytes, HAK_RELEASE_SHARE);
    effort->has_joined |= is_turn;
    return is_turn && hak_purge_above(0) != 0;
}

static bool trim(struct effort *effort, const struct hope *hope) {
    bool is_turn =
        !effort->has_trimmed && hope->cached_bytes >= least_hope(effort->bytes, HAK_CACHES_SHARE);
    effort->has_trimmed |= is_turn;
    if (!is_turn)
        return false;
    empty_caches();
    hak_purge_above(0);
    return true;
}

/* What is mapped in pieces may be had in one piece elsewhere. */
static bool release(struct effort *effort, const struct hope *hope) {
    bool is_turn =
        !effort->has_released && hope->mapped_bytes >= least_hope(effort->bytes, HAK_RELEASE_SHARE);
    effort->has_released |= is_turn;
    if (!is_turn)
        return false;
    return hak_run_release();
}

/* What another thread is giving back can be had, and may have to be joined with its neighbours. No
 * single one of them is as long as a request for more than the machine has. */
static bool wait_for_others(struct effort *effort, const struct hope *hope, uint32_t arrivals) {
    effort->has_joined = effort->has_released = false;
    return effort->bytes <= hak_limit_machine_bytes && hope->free_bytes >= effort->bytes &&
           effort->waits++ < HAK_WAITS && hak_run_wait(arrivals);
}

/* The system gives no more address space. */
static bool help_at_end(struct effort *effort, const struct hak_shortage *shortage) {
    struct hope hope = find_hope(effort->bytes);
    if (effort->bytes <= hope.committed_bytes) /* it isn't the request that is large */
        hak_limit_note_refusal();
    return join_free(effort, &hope) || trim(effort, &hope) || release(effort, &hope) ||
           wait_for_others(effort, &hope, shortage->arrivals);
}

/* Does what may help. False: nothing can. */
static bool help(struct effort *effort, const struct hak_shortage *shortage) {
    if (shortage->verdict == HAK_LIMIT_FREE)
        return help_at_end(effort, shortage);
    if (shortage->verdict == HAK_LIMIT_PURGE && !effort->has_purged) {
        effort->has_purged = true;
        hak_purge_above(shortage->dirty_bytes);
        return true;
    }
    return help_at_limit(effort);
}

static HAK_SLOW struct hak_slab *take_with_effort(size_t slabs, size_t alignment_slabs,
                                                  struct hak_shortage *shortage) {
    struct effort effort = {.bytes = slabs << HAK_SLAB_SHIFT};
    struct hak_slab *run = NULL;
    hak_run_search();
    while (!run && help(&effort, shortage))
        run = hak_run_take(slabs, alignment_slabs, effort.has_purged, shortage);
    hak_run_end_search();
    if (!run)
        hak_limit_explain(shortage->verdict != HAK_LIMIT_FREE);
    return run;
}

struct hak_slab *hak_pressure_take_run(size_t slabs, size_t alignment_slabs) {
    struct hak_shortage shortage;
    /* acquire pairs with the release in hak_region_start */
    if (HAK_UNLIKELY(atomic_load_explicit(&hak_region_count, memory_order_acquire) == 0))
        return NULL; /* the allocator could not start */
    struct hak_slab *run = hak_run_take(slabs, alignment_slabs, false, &shortage);
    return HAK_LIKELY(run != NULL) ? run : take_with_effort(slabs, alignment_slabs, &shortage);
}

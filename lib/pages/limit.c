/* SPDX-License-Identifier: MIT */
/*
 * Owns the limits' arithmetic. The heap lock protects what changes; `is_pressed` is read without
 * it as a hint. Invariant: memory in use never passes the hard limit.
 */
#include "pages/limit.h"

#include "base/bits.h"
#include "conf/conf.h"
#include "core/lock.h"
#include "os/os_cgroup.h"
#include "os/os_env.h"
#include "os/os_fatal.h"
#include "os/os_memory.h"
#include "os/os_time.h"
#include "stats/process.h"

#define HAK_PRESS_SHARE 16u /* of the soft limit: how near is near; growth by it asks anew */
#define HAK_ROOM_SHARE 3u   /* of the soft limit, above it; for a working set of twice as much */
#define HAK_LOCKED_DIRTY_BYTES HAK_KIB(512)
#define HAK_TIGHT_DIRTY_SHARE 64u /* of what is mapped may stay dirty then */
#define HAK_TIGHT_MS 10000u       /* after the last refusal, or longer: */
#define HAK_TIGHT_SHARE 8u        /* of what was mapped when the system refused: so near is near */

static _Atomic bool is_pressed; /* relaxed: a hint */
static size_t asked_bytes;      /* in use when caches were asked last */
static uint64_t refused_ms;     /* and when that was last so */
static size_t refused_bytes;    /* mapped when the system refused more; 0: it never did */

_Atomic uint32_t hak_limit_asks;
size_t hak_limit_machine_bytes;

void hak_limit_ask_caches(void) {
    atomic_fetch_add_explicit(&hak_limit_asks, 1, memory_order_relaxed);
}

/* With HAKMEM_LOG, for hak_limit_explain; read-only after the start. */
static void *probe_pages;
static bool has_address_limit;

static size_t in_bytes(uint64_t limit, size_t *whole_bytes) {
    if (!hak_conf_is_percent(HAK_KNOB_LIMIT, limit))
        return limit;
    if (*whole_bytes == 0)
        *whole_bytes = hak_min(hak_os_cgroup_memory_bytes(), hak_os_memory_bytes());
    return *whole_bytes / 100 * (limit - HAK_LIMIT_PERCENT);
}

/* A file, or a look at the limits of the process, may be forbidden when memory runs out. */
static void start_explaining(void) {
    probe_pages = hak_os_reserve(HAK_OS_PROBE_PAGES * hak_os_page_bytes, hak_os_page_bytes);
    has_address_limit = hak_os_address_limit_bytes() != SIZE_MAX;
}

void hak_limit_start(void) {
    size_t whole_bytes = 0;
    hak_limit_machine_bytes = hak_os_memory_and_swap_bytes();
    hak_process_counters.soft_limit_bytes = in_bytes(hak_conf.soft_limit, &whole_bytes);
    hak_process_counters.hard_limit_bytes = in_bytes(hak_conf.hard_limit, &whole_bytes);
    if (hak_conf.log)
        start_explaining();
}

bool hak_limit_is_pressed(void) {
    return atomic_load_explicit(&is_pressed, memory_order_relaxed);
}

static size_t soft_bytes(void) {
    size_t soft = hak_process_counters.soft_limit_bytes;
    size_t hard = hak_process_counters.hard_limit_bytes;
    soft = soft ? soft : SIZE_MAX;
    return hard ? hak_min(soft, hard) : soft;
}

size_t hak_limit_room_bytes(void) {
    return soft_bytes() == SIZE_MAX ? 0 : soft_bytes() / HAK_ROOM_SHARE;
}

static size_t kept_bytes(void) {
    return hak_process_counters.used_bytes + hak_process_counters.metadata_bytes;
}

bool hak_limit_is_near(void) {
    size_t soft = soft_bytes();
    if (HAK_LIKELY(soft == SIZE_MAX))
        return false;
    hak_lock_take(&hak_heap_lock);
    size_t resident_bytes = kept_bytes() + hak_process_counters.dirty_bytes;
    hak_lock_release(&hak_heap_lock);
    return resident_bytes > soft - soft / HAK_PRESS_SHARE;
}

/* Every thread follows at its next slow path. */
static void ask_caches(size_t bytes) {
    asked_bytes = bytes;
    hak_process_counters.limit_trims++;
    hak_limit_ask_caches();
}

static void note_pressure(size_t soft, size_t bytes) {
    bool was_pressed = hak_limit_is_pressed();
    bool presses = bytes > soft || (was_pressed && bytes > soft - soft / HAK_PRESS_SHARE);
    if (presses != was_pressed)
        atomic_store_explicit(&is_pressed, presses, memory_order_relaxed);
    if (presses && (!was_pressed || bytes > asked_bytes + soft / HAK_PRESS_SHARE))
        ask_caches(bytes);
}

/* What the process has of the address space, and would have to have again to use. */
static size_t mapped_bytes(void) {
    return hak_process_counters.committed_bytes - hak_process_counters.unmapped_bytes;
}

bool hak_limit_is_tight(void) {
    return HAK_UNLIKELY(refused_bytes != 0) &&
           (mapped_bytes() > refused_bytes - refused_bytes / HAK_TIGHT_SHARE ||
            hak_os_now_ms() - refused_ms < HAK_TIGHT_MS);
}

size_t hak_limit_dirty_bytes(size_t bound_bytes) {
    size_t soft = soft_bytes();
    if (hak_limit_is_tight())
        bound_bytes = hak_min(bound_bytes, mapped_bytes() / HAK_TIGHT_DIRTY_SHARE);
    /* Locked memory is nobody else's, and the system can't take it either. */
    if (HAK_UNLIKELY(atomic_load_explicit(&hak_os_is_locked, memory_order_relaxed)))
        bound_bytes = hak_min(bound_bytes, HAK_LOCKED_DIRTY_BYTES);
    if (HAK_LIKELY(soft == SIZE_MAX))
        return bound_bytes;
    note_pressure(soft, kept_bytes());
    return hak_min(bound_bytes, hak_excess(soft, kept_bytes()));
}

void hak_limit_note_refusal(void) {
    hak_lock_take(&hak_heap_lock);
    refused_bytes = mapped_bytes();
    refused_ms = hak_os_now_ms();
    hak_lock_release(&hak_heap_lock);
}

bool hak_limit_can_hold(size_t bytes) {
    size_t hard = hak_process_counters.hard_limit_bytes;
    size_t least_bytes = hak_process_counters.large_bytes + hak_process_counters.metadata_bytes;
    return !hard || (!__builtin_add_overflow(bytes, least_bytes, &bytes) && bytes <= hard);
}

enum hak_limit_verdict hak_limit_judge(size_t bytes, bool has_purged, size_t *ret_dirty_bytes) {
    size_t soft = soft_bytes();
    size_t hard = hak_process_counters.hard_limit_bytes;
    if (HAK_LIKELY(soft == SIZE_MAX))
        return HAK_LIMIT_FREE;
    size_t wanted_bytes = bytes;
    if (__builtin_add_overflow(bytes, kept_bytes(), &bytes) || (hard && bytes > hard)) {
        if (hak_limit_can_hold(wanted_bytes))
            ask_caches(bytes);
        hak_process_counters.limit_failures++;
        return HAK_LIMIT_FULL;
    }
    note_pressure(soft, bytes);
    size_t bound = hard && has_purged ? hard : soft;
    *ret_dirty_bytes = hak_excess(bound, bytes);
    bool fits = hak_process_counters.dirty_bytes <= *ret_dirty_bytes || (has_purged && !hard);
    return fits ? HAK_LIMIT_FREE : HAK_LIMIT_PURGE;
}

void hak_limit_explain(bool is_full) {
    static _Atomic bool is_said;
    if (!hak_conf.log || atomic_exchange_explicit(&is_said, true, memory_order_relaxed))
        return;
    char storage[160];
    struct hak_buffer line;
    hak_buffer_init(&line, storage, sizeof storage);
    hak_put_text(&line, "hakmem: out of memory");
    if (is_full)
        hak_put_text(&line, ": HAKMEM_HARD_LIMIT is reached");
    else if (probe_pages && hak_os_maps_are_full(probe_pages))
        hak_put_text(&line, ": the limit of mappings, vm.max_map_count, is reached");
    else if (has_address_limit)
        hak_put_text(&line, ": RLIMIT_AS, or the system, allows no more");
    hak_log_line(&line);
}

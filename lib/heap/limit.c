/* SPDX-License-Identifier: MIT */
/*
 * Owns the limits' arithmetic. The heap lock protects what changes; `is_pressed` is read without
 * it as a hint. Invariant: memory in use never passes the hard limit.
 */
#include "heap/limit.h"

#include "base/bits.h"
#include "conf/conf.h"
#include "heap/lock.h"
#include "heap/trim.h"
#include "os/os_cgroup.h"
#include "os/os_env.h"
#include "os/os_fatal.h"
#include "os/os_memory.h"
#include "stats/process.h"

#define HAK_PRESS_SHARE 16u /* of the soft limit: how near is near; growth by it asks anew */

static _Atomic bool is_pressed; /* relaxed: a hint */
static size_t asked_bytes;      /* in use when caches were asked last */

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

static size_t kept_bytes(void) {
    return hak_process_counters.used_bytes + hak_process_counters.metadata_bytes;
}

bool hak_limit_is_near(void) {
    size_t soft = soft_bytes();
    if (HAK_LIKELY(soft == SIZE_MAX))
        return false;
    hak_lock_take(&hak_heap_lock);
    size_t resident_bytes = kept_bytes() + hak_process_counters.dirty_bytes;
    hak_lock_give(&hak_heap_lock);
    return resident_bytes > soft - soft / HAK_PRESS_SHARE;
}

/* Every thread follows at its next slow path. */
static void ask_caches(size_t bytes) {
    asked_bytes = bytes;
    hak_process_counters.limit_trims++;
    hak_trim_ask();
}

static void note_pressure(size_t soft, size_t bytes) {
    bool was_pressed = hak_limit_is_pressed();
    bool presses = bytes > soft || (was_pressed && bytes > soft - soft / HAK_PRESS_SHARE);
    if (presses != was_pressed)
        atomic_store_explicit(&is_pressed, presses, memory_order_relaxed);
    if (presses && (!was_pressed || bytes > asked_bytes + soft / HAK_PRESS_SHARE))
        ask_caches(bytes);
}

size_t hak_limit_dirty_bytes(size_t bound_bytes) {
    size_t soft = soft_bytes();
    if (HAK_LIKELY(soft == SIZE_MAX))
        return bound_bytes;
    note_pressure(soft, kept_bytes());
    return hak_min(bound_bytes, hak_excess(soft, kept_bytes()));
}

enum hak_limit_verdict hak_limit_judge(size_t bytes, size_t *ret_dirty_bytes) {
    size_t soft = soft_bytes();
    size_t hard = hak_process_counters.hard_limit_bytes;
    if (HAK_LIKELY(soft == SIZE_MAX))
        return HAK_LIMIT_FREE;
    if (__builtin_add_overflow(bytes, kept_bytes(), &bytes) || (hard && bytes > hard)) {
        ask_caches(bytes);
        hak_process_counters.limit_failures++;
        return HAK_LIMIT_FULL;
    }
    note_pressure(soft, bytes);
    *ret_dirty_bytes = hak_excess(soft, bytes);
    bool fits = hak_process_counters.dirty_bytes <= *ret_dirty_bytes;
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

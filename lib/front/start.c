/* SPDX-License-Identifier: MIT */
/*
 * Owns the one-time start and the hook at a thread's exit. The start lock is held only
 * here; the steps under it use no malloc. Invariant: once `is_done` is seen true, regions, secret,
 * knobs and the abandoned heap are set and don't change.
 */
#include "front/start.h"

#include "cache/abandoned.h"
#include "conf/conf.h"
#include "core/hardened.h"
#include "front/fork.h"
#include "front/thread.h"
#include "hardening/sampled_guard.h"
#include "large/guard_page.h"
#include "os/os_env.h"
#include "os/os_fatal.h"
#include "os/os_memory.h"
#include "os/os_random.h"
#include "os/os_seal.h"
#include "os/os_share.h"
#include "pages/limit.h"
#include "pages/run.h"
#include "stats/profile.h"

#include <pthread.h>

#define HAK_NO_KEY ((pthread_key_t)-1)

/* Not all zero: so it lies in .data, on a page that every start writes to. */
static struct {
    struct hak_lock lock;
    _Atomic bool is_done;
    bool has_region;
    char not_zero;
} start = {.not_zero = 1};

static pthread_key_t exit_key HAK_SEALED = HAK_NO_KEY;

static void on_thread_exit(void *heap) {
    if (hak_thread_exit_round(heap))
        pthread_setspecific(exit_key, heap);
}

static void report_complaints(void) {
    hak_conf_report(hak_log_line);
}

/* Bits 63..56 the tag, 55..47 zero so that a sum with an address never reaches the tag. */
static uint64_t make_secret(void) {
    uint64_t random = hak_os_random(0x68616b6d656d) & (((uint64_t)1 << 47) - 1);
    return (uint64_t)HAK_MARK_TAG << 56 | random | 1;
}

static struct hak_stats_knob shown_knobs[sizeof(struct hak_conf) / sizeof(uint64_t)];

static void show_knob(struct hak_stats_knob *shown, unsigned index) {
    struct hak_buffer text;
    hak_buffer_init(&text, shown->name, sizeof shown->name);
    hak_put_text(&text, hak_knobs[index].name);
    hak_buffer_init(&text, shown->value, sizeof shown->value);
    hak_conf_put_value(&text, hak_knobs[index].kind, hak_knobs[index].unit,
                       ((const uint64_t *)&hak_conf)[index]);
    shown->source = hak_conf_is_set(index) ? HAK_SOURCE_ENVIRONMENT : HAK_SOURCE_DEFAULT;
}

static void start_stats(void) {
    const struct hak_stats_facts facts = {
        .class_bytes = hak_size_class_bytes,
        .knobs = shown_knobs,
        .knob_count = hak_knob_count,
        .first_heap = &hak_first_heap,
        .abandoned_heap = &hak_abandoned_heap,
        .heap_next = offsetof(struct hak_heap, next_heap),
        .heap_counters = offsetof(struct hak_heap, counters),
        .slab_bytes = (uint32_t)HAK_SLAB_BYTES,
        .slabs = {.regions = (uintptr_t)hak_regions,
                  .region_count = (uintptr_t)&hak_region_count,
                  .region_bytes = sizeof hak_regions[0],
                  .region_top = offsetof(struct hak_region, top),
                  .region_records = offsetof(struct hak_region, slab),
                  .record_bytes = sizeof(struct hak_slab),
                  .state = offsetof(struct hak_slab, state),
                  .size_class = offsetof(struct hak_slab, size_class),
                  .used = offsetof(struct hak_slab, used),
                  .capacity = offsetof(struct hak_slab, capacity),
                  .state_blocks = HAK_SLAB_BLOCKS,
                  .region_base = offsetof(struct hak_region, base),
                  .owner = offsetof(struct hak_slab, owner),
                  .run_slabs = offsetof(struct hak_slab, run_slabs),
                  .carved = offsetof(struct hak_slab, carved),
                  .large_bytes = offsetof(struct hak_slab, large_bytes),
                  .state_large = HAK_SLAB_LARGE,
                  .state_dirty = HAK_SLAB_DIRTY,
                  .state_clean = HAK_SLAB_CLEAN,
                  .state_unmapped = HAK_SLAB_UNMAPPED,
                  .state_waiting = HAK_SLAB_WAITING,
                  .mark_byte = HAK_MARK_TAG_BYTE,
                  .mark = HAK_MARK_TAG,
                  .purged = offsetof(struct hak_slab, purged)},
    };
    for (unsigned i = 0; i < hak_knob_count; i++)
        show_knob(&shown_knobs[i], i);
    hak_stats_start(&facts);
    if (hak_conf.stats && hak_os_fork_is_noticed()) /* a child must leave the segment */
        hak_stats_share(&facts);
    if (hak_conf.sample == 1 || (hak_conf.sample && hak_conf.sample == (uint64_t)hak_share_pid()))
        hak_profile_ask();
}

static bool start_heap_layer(void) {
    if (!start.has_region) {
        hak_run_start();
        start_stats();
        hak_limit_start();
        hak_sampled_guard_start();
        start.has_region = hak_region_start(hak_conf.reserve);
        if (start.has_region && hak_conf.prealloc)
            hak_run_preallocate(hak_conf.prealloc);
    }
    if (!start.has_region)
        return false;
    if (!hak_secret)
        hak_secret = make_secret();
    struct hak_heap *abandoned = hak_thread_make_heap();
    if (!abandoned)
        return false;
    hak_abandoned_start(abandoned);
    return true;
}

static bool start_locked(void) {
    if (!hak_os_seal_open())
        return false;
    hak_os_memory_start();
    hak_fork_start();
    hak_conf_read(hak_env_block(), hak_env_is_secure());
    hak_hardened_start();
    hak_guard_page_start();
    hak_fatal_prelude = report_complaints;
    if (hak_conf.log)
        report_complaints();
    if (hak_conf_is_strict_failure())
        hak_fatal(HAK_FATAL_BAD_KNOB, NULL, 0, HAK_NO_THREAD);
    if (pthread_key_create(&exit_key, on_thread_exit) != 0)
        exit_key = HAK_NO_KEY;
    return start_heap_layer();
}

bool hak_start_process(void) {
    /* acquire pairs with the release below */
    if (HAK_LIKELY(atomic_load_explicit(&start.is_done, memory_order_acquire)))
        return true;
    if (hak_lock_is_mine(&start.lock))
        return false; /* libc allocated while we asked it for something */
    hak_lock_take(&start.lock);
    if (!atomic_load_explicit(&start.is_done, memory_order_relaxed) && start_locked())
        atomic_store_explicit(&start.is_done, true, memory_order_release);
    hak_lock_release(&start.lock);
    return atomic_load_explicit(&start.is_done, memory_order_relaxed);
}

void hak_start_thread_exit(struct hak_heap *heap) {
    if (exit_key != HAK_NO_KEY)
        pthread_setspecific(exit_key, heap);
}

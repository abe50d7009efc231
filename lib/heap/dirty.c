/* SPDX-License-Identifier: MIT */
/*
 * Owns the detection of purge cycles. The heap lock protects all of it. Invariant: when a window
 * ends, the allowance is at most what was in use at its fullest moment.
 */
#include "heap/dirty.h"

#include "base/bits.h"
#include "conf/conf.h"
#include "os/os_time.h"
#include "stats/process.h"

#define HAK_CYCLE_MS 1000u   /* a longer one is no cycle; dirty as long is unused */
#define HAK_CYCLES_TO_ACT 2u /* one burst, or two, get nothing */

static size_t allowance_bytes;
static size_t purged_bytes;    /* purged of late, and not missed yet */
static size_t regretted_bytes; /* missed since the last purge */
static unsigned cycles;        /* in a row */
static uint64_t purge_ms;      /* time of the last purge */

/* Of the window that began at window_ms: */
static uint64_t window_ms;
static size_t least_dirty_bytes;
static size_t most_used_bytes;

static size_t knob_bound_bytes(void) {
    size_t share = hak_process_counters.used_bytes / 100 * hak_conf.dirty_percent;
    return hak_max(hak_conf.dirty_min, share);
}

/* What was dirty through the whole window is of no use. */
static void end_window(uint64_t now_ms) {
    size_t bound_bytes = knob_bound_bytes();
    size_t idle_bytes = least_dirty_bytes > bound_bytes ? least_dirty_bytes - bound_bytes : 0;
    allowance_bytes -= hak_min(allowance_bytes, idle_bytes);
    allowance_bytes = hak_min(allowance_bytes, most_used_bytes);
    window_ms = now_ms;
    least_dirty_bytes = hak_process_counters.dirty_bytes;
    most_used_bytes = hak_process_counters.used_bytes;
}

size_t hak_dirty_bound_bytes(void) {
    if (allowance_bytes && hak_os_now_ms() - window_ms >= HAK_CYCLE_MS)
        end_window(hak_os_now_ms());
    return knob_bound_bytes() + allowance_bytes;
}

size_t hak_dirty_goal_bytes(size_t bound_bytes) {
    return allowance_bytes + (bound_bytes - allowance_bytes) / 4 * 3;
}

void hak_dirty_note_take(size_t clean_bytes) {
    size_t missed_bytes = hak_min(clean_bytes, purged_bytes);
    purged_bytes -= missed_bytes;
    regretted_bytes += missed_bytes;
    least_dirty_bytes = hak_min(least_dirty_bytes, hak_process_counters.dirty_bytes);
    most_used_bytes = hak_max(most_used_bytes, hak_process_counters.used_bytes);
}

/* The first purge after some regret ends a cycle. */
static void end_cycle(uint64_t now_ms) {
    if (cycles++ == 0 || window_ms == 0) {
        window_ms = now_ms;
        least_dirty_bytes = hak_process_counters.dirty_bytes;
        most_used_bytes = hak_process_counters.used_bytes;
    }
    if (cycles >= HAK_CYCLES_TO_ACT)
        allowance_bytes = hak_min(allowance_bytes + regretted_bytes, most_used_bytes);
    regretted_bytes = 0;
}

void hak_dirty_note_purge(size_t bytes) {
    uint64_t now_ms = hak_os_now_ms();
    if (now_ms - purge_ms > HAK_CYCLE_MS) {
        cycles = 0;
        purged_bytes = 0;
        regretted_bytes = 0;
    } else if (regretted_bytes) {
        end_cycle(now_ms);
    }
    purge_ms = now_ms;
    purged_bytes += bytes;
}

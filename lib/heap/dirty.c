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

#define HAK_CYCLE_MS 1000u /* a longer one is no cycle; dirty as long is unused */

static size_t allowance_bytes;
static uint64_t purge_ms; /* time of the last purge */

/* Of the episode, which ends when a second passes without a purge: */
static size_t purged_bytes; /* and not missed yet */
static size_t missed_bytes; /* purged and then taken again, all in all */
static size_t peak_bytes;   /* most memory in use */

/* Of the window that began at window_ms: */
static uint64_t window_ms;
static size_t least_dirty_bytes;
static size_t most_used_bytes;

static size_t knob_bound_bytes(void) {
    size_t share = hak_process_counters.used_bytes / 100 * hak_conf.dirty_percent;
    return hak_max(hak_conf.dirty_min, share);
}

static void begin_window(uint64_t now_ms) {
    window_ms = now_ms;
    least_dirty_bytes = hak_process_counters.dirty_bytes;
    most_used_bytes = hak_process_counters.used_bytes;
}

/* What was dirty through the whole window is of no use. */
static void end_window(uint64_t now_ms) {
    size_t bound_bytes = knob_bound_bytes();
    size_t idle_bytes = least_dirty_bytes > bound_bytes ? least_dirty_bytes - bound_bytes : 0;
    allowance_bytes -= hak_min(allowance_bytes, idle_bytes);
    allowance_bytes = hak_min(allowance_bytes, most_used_bytes);
    begin_window(now_ms);
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
    size_t used_bytes = hak_process_counters.used_bytes;
    size_t bytes = hak_min(clean_bytes, purged_bytes);
    purged_bytes -= bytes;
    missed_bytes += bytes;
    peak_bytes = hak_max(peak_bytes, used_bytes);
    most_used_bytes = hak_max(most_used_bytes, used_bytes);
    least_dirty_bytes = hak_min(least_dirty_bytes, hak_process_counters.dirty_bytes);
    if (missed_bytes < peak_bytes + peak_bytes / 2)
        return; /* one burst, or several at once, are no cycle */
    if (allowance_bytes == 0)
        begin_window(hak_os_now_ms());
    allowance_bytes = hak_min(allowance_bytes + bytes, peak_bytes);
}

void hak_dirty_note_purge(size_t bytes) {
    uint64_t now_ms = hak_os_now_ms();
    if (now_ms - purge_ms > HAK_CYCLE_MS) {
        purged_bytes = 0;
        missed_bytes = 0;
        peak_bytes = hak_process_counters.used_bytes;
    }
    purge_ms = now_ms;
    purged_bytes += bytes;
}

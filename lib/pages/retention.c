/* SPDX-License-Identifier: MIT */
/*
 * Owns the detection of purge cycles. The heap lock protects all of it. Invariant: with what is in
 * use, the allowance is at most what was in use at the fullest moment of this window and the last,
 * and a quarter.
 */
#include "pages/retention.h"

#include "base/bits.h"
#include "conf/conf.h"
#include "os/os_time.h"
#include "stats/process.h"

#define HAK_CYCLE_MS 1000u /* a longer one is no cycle; dirty as long is unused */
#define HAK_CYCLE_SHARE 2u /* of the most in use, when so much was missed it is a cycle */
#define HAK_CYCLE_ROOM 4u  /* blocks of other lengths don't fit just where the last ones lay */

static size_t least_bytes; /* in place of the knob's, if has_least */
static bool has_least;
static size_t allowance_bytes;
static uint64_t purge_ms; /* time of the last purge */
static uint64_t event_ms; /* of the last take or give, while something is allowed */

_Atomic uint64_t hak_retention_due_ms;

/* Of the episode, which ends when a second passes without a purge: */
static size_t purged_bytes; /* and not missed yet */
static size_t missed_bytes; /* purged and then taken again, all in all */
static size_t peak_bytes;   /* most memory in use */
static bool is_cycle;

/* Of the window that began at window_ms: */
static uint64_t window_ms;
static size_t least_dirty_bytes;
static size_t most_dirty_bytes;
static size_t most_used_bytes;
static size_t earlier_most_bytes; /* of the window before */

void hak_retention_forget(void) {
    allowance_bytes = purged_bytes = missed_bytes = peak_bytes = 0;
    least_dirty_bytes = most_dirty_bytes = most_used_bytes = earlier_most_bytes = 0;
    purge_ms = event_ms = window_ms = 0;
    is_cycle = false;
    atomic_store_explicit(&hak_retention_due_ms, 0, memory_order_relaxed);
}

size_t hak_retention_knob_bytes(void) {
    size_t share = hak_process_counters.used_bytes / 100 * hak_conf.dirty_percent;
    size_t least = has_least ? least_bytes : hak_conf.dirty_min;
    return hak_max(hak_max(least, hak_conf.prealloc), share);
}

void hak_retention_set_least(size_t bytes) {
    least_bytes = bytes;
    has_least = true;
}

static void set_due(uint64_t due_ms) {
    atomic_store_explicit(&hak_retention_due_ms, due_ms, memory_order_relaxed);
}

void hak_retention_check_again(void) {
    set_due(1); /* long ago */
}

/* Where nothing is allowed any more, a take leaves to others what is too much now. */
static void note_event(uint64_t now_ms) {
    bool is_needed =
        allowance_bytes || hak_process_counters.dirty_bytes > hak_retention_knob_bytes();
    event_ms = now_ms;
    set_due(is_needed ? now_ms + HAK_CYCLE_MS : 0);
}

static void begin_window(uint64_t now_ms) {
    window_ms = now_ms;
    earlier_most_bytes = most_used_bytes;
    least_dirty_bytes = hak_process_counters.dirty_bytes;
    most_dirty_bytes = hak_process_counters.dirty_bytes;
    most_used_bytes = hak_process_counters.used_bytes;
}

static size_t with_room(size_t bytes) {
    return bytes + bytes / HAK_CYCLE_ROOM;
}

/* What was dirty through the whole window is of no use, nor is what never was. */
static void end_window(uint64_t now_ms) {
    size_t idle_bytes = hak_max(least_dirty_bytes, hak_retention_knob_bytes());
    size_t moved_bytes = hak_excess(most_dirty_bytes, idle_bytes);
    allowance_bytes = hak_min(allowance_bytes, with_room(moved_bytes));
    allowance_bytes = hak_min(allowance_bytes, with_room(most_used_bytes));
    begin_window(now_ms);
}

/* What is in use again leaves no room for what lay dirty in its place. */
static size_t allowed_bytes(void) {
    size_t most_bytes = with_room(hak_max(most_used_bytes, earlier_most_bytes));
    return hak_min(allowance_bytes, hak_excess(most_bytes, hak_process_counters.used_bytes));
}

/* At a take or give; so much was dirty from the last one until now. If that was a second, nobody
 * has used it, whatever else was in the window. */
static void look_at_clock(size_t dirty_bytes) {
    uint64_t now_ms = hak_os_now_ms();
    most_dirty_bytes = hak_max(most_dirty_bytes, dirty_bytes);
    if (now_ms - event_ms >= HAK_CYCLE_MS)
        least_dirty_bytes = dirty_bytes;
    if (now_ms - window_ms >= HAK_CYCLE_MS)
        end_window(now_ms);
    note_event(now_ms);
}

size_t hak_retention_bound_bytes(size_t given_bytes) {
    if (allowance_bytes)
        look_at_clock(hak_excess(hak_process_counters.dirty_bytes, given_bytes));
    else
        set_due(0);
    return hak_retention_knob_bytes() + allowed_bytes();
}

size_t hak_retention_goal_bytes(size_t bound_bytes) {
    size_t allowed = allowed_bytes();
    return allowed + (bound_bytes - allowed) / 4 * 3;
}

/* The second round of a cycle shows that it is one: from then on it misses nothing. */
static void allow(size_t more_bytes) {
    bool is_first = allowance_bytes == 0;
    allowance_bytes = hak_min(allowance_bytes + more_bytes, with_room(peak_bytes));
    if (is_first) {
        uint64_t now_ms = hak_os_now_ms();
        begin_window(now_ms);
        note_event(now_ms);
    }
}

static void note_used(size_t used_bytes) {
    size_t more_bytes = hak_excess(used_bytes, peak_bytes);
    peak_bytes += more_bytes;
    most_used_bytes = hak_max(most_used_bytes, used_bytes);
    if (is_cycle && more_bytes)
        allow(more_bytes);
}

/* How much of a clean run of so many bytes was purged just before. */
static size_t missed_of(size_t bytes) {
    if (purged_bytes && hak_os_now_ms() - purge_ms > HAK_CYCLE_MS)
        purged_bytes = 0;
    return hak_min(bytes, purged_bytes);
}

void hak_retention_note_take(size_t taken_bytes, bool was_dirty) {
    if (allowance_bytes)
        look_at_clock(hak_process_counters.dirty_bytes + (was_dirty ? taken_bytes : 0));
    else if (atomic_load_explicit(&hak_retention_due_ms, memory_order_relaxed))
        note_event(hak_os_now_ms()); /* what is dirty may be wanted after all */
    size_t bytes = was_dirty ? 0 : missed_of(taken_bytes);
    note_used(hak_process_counters.used_bytes);
    purged_bytes -= bytes;
    missed_bytes += bytes;
    least_dirty_bytes = hak_min(least_dirty_bytes, hak_process_counters.dirty_bytes);
    if (bytes == 0 || missed_bytes < peak_bytes / HAK_CYCLE_SHARE)
        return; /* one burst, or several at once, are no cycle */
    allow(is_cycle ? bytes : peak_bytes);
    is_cycle = true;
}

bool hak_retention_is_taken_back(void) {
    return missed_bytes > peak_bytes / 8;
}

void hak_retention_note_purge(size_t bytes) {
    uint64_t now_ms = hak_os_now_ms();
    if (now_ms - purge_ms > HAK_CYCLE_MS) {
        purged_bytes = 0;
        missed_bytes = 0;
        is_cycle = false;
        peak_bytes = hak_process_counters.used_bytes;
    }
    purge_ms = now_ms;
    purged_bytes += bytes;
}

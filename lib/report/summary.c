/* SPDX-License-Identifier: MIT */
/*
 * Owns the lines of the summary. Written in one piece, so that processes that end together don't
 * mix. Invariant: nothing goes to a descriptor that is not the file that standard error was when
 * the process began; the program may have closed ours and opened another under its number.
 */
#define _GNU_SOURCE
#include "report/summary.h"

#include "base/bits.h"
#include "base/format.h"
#include "conf/conf.h"
#include "os/os_file.h"
#include "os/os_share.h"
#include "os/os_usage.h"
#include "report/totals.h"

#include <errno.h>

#define STANDARD_ERROR 2

static int kept = -1;
static struct hak_os_file_id kept_id;

void hak_summary_start(void) {
    if (!hak_conf.summary || !hak_os_file_identify(STANDARD_ERROR, &kept_id))
        return;
    kept = hak_os_duplicate(STANDARD_ERROR);
}

/* A descriptor that leads where standard error led, or -1. */
static int destination(void) {
    struct hak_os_file_id id;
    const int candidates[] = {kept, STANDARD_ERROR};
    for (unsigned i = 0; i < 2; i++)
        if (candidates[i] >= 0 && hak_os_file_identify(candidates[i], &id) &&
            id.device == kept_id.device && id.inode == kept_id.inode)
            return candidates[i];
    return -1;
}

/* 1536 is "1.5 KiB". */
static void put_size(struct hak_buffer *text, uint64_t bytes) {
    static const char units[][4] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    unsigned unit = 0;
    uint64_t tenths = bytes > UINT64_MAX / 10 ? UINT64_MAX : bytes * 10;
    for (; tenths >= 10240 && unit < 5; unit++)
        tenths /= 1024;
    hak_put_decimal(text, tenths / 10);
    if (unit) {
        hak_put_char(text, '.');
        hak_put_decimal(text, tenths % 10);
    }
    hak_put_char(text, ' ');
    hak_put_text(text, units[unit]);
}

static void put_count(struct hak_buffer *text, const char *before, uint64_t count,
                      const char *after) {
    hak_put_text(text, before);
    hak_put_decimal(text, count);
    hak_put_text(text, after);
}

static void put_part(struct hak_buffer *text, const char *before, uint64_t bytes) {
    hak_put_text(text, before);
    put_size(text, bytes);
}

static void put_head(struct hak_buffer *text) {
    hak_put_text(text, "hakmem: ");
    for (const char *at = program_invocation_short_name; *at; at++)
        hak_put_char(text, *at >= ' ' && *at <= '~' ? *at : '?');
    put_count(text, " (PID ", (uint64_t)hak_share_pid(), ") at exit\n");
}

static void put_blocks(struct hak_buffer *text, const struct hak_totals *totals) {
    uint64_t allocations = totals->process.large_allocations + totals->process.guarded_allocations;
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++)
        allocations += totals->threads.allocations[size_class];
    uint64_t live = totals->figures.live_blocks;
    put_count(text, "hakmem:   blocks    ", allocations, " allocated, ");
    put_count(text, "", totals->process.large_allocations, " of them large; ");
    put_count(text, "", hak_excess(allocations, live), " freed, ");
    put_count(text, "", live, " live");
}

static void put_memory(struct hak_buffer *text, const struct hak_totals *totals) {
    const struct hak_figures *figures = &totals->figures;
    uint64_t peak_bytes, faults;
    put_part(text, "\nhakmem:   memory    ", figures->held_bytes);
    put_part(text, ": ", figures->allocated_bytes);
    put_part(text, " allocated, ", figures->cached_bytes);
    put_part(text, " cached,\nhakmem:             ", figures->free_bytes + figures->slack_bytes);
    put_part(text, " free in slabs, ", totals->process.dirty_bytes);
    put_part(text, " dirty, ", totals->process.metadata_bytes);
    put_part(text, " metadata\nhakmem:   purged    ", totals->process.purged_bytes);
    put_count(text, " in ", totals->process.purges, " purges; ");
    put_count(text, "", totals->process.faults_avoided, " page faults avoided\n");
    hak_os_usage(&peak_bytes, &faults);
    put_part(text, "hakmem:   process   ", peak_bytes);
    put_count(text, " at its peak, ", faults, " page faults\n");
}

void hak_summary_at_exit(void) {
    char storage[1024];
    struct hak_buffer text;
    struct hak_totals totals;
    int descriptor = hak_conf.summary ? destination() : -1;
    if (descriptor < 0)
        return;
    hak_totals_sum(&totals);
    hak_buffer_init(&text, storage, sizeof storage);
    put_head(&text);
    put_blocks(&text, &totals);
    put_memory(&text, &totals);
    hak_os_write(descriptor, text.text, text.length);
}

/* SPDX-License-Identifier: MIT */
/*
 * What is said of a process as a whole. Stateless.
 */
#include "common/output.h"
#include "stat/show.h"

#include <inttypes.h>

static const char *limit_text(uint64_t bytes) {
    return bytes == UINT64_MAX ? "none" : hak_output_size(bytes);
}

static const char *way_text(enum hak_target_way way) {
    return way == HAK_WAY_MEMORY ? "its memory" : way == HAK_WAY_FILE ? "a file" : "its segment";
}

static const char *resident_text(const struct hak_snapshot *snapshot) {
    return snapshot->kernel_rss_bytes < 0 ? "?"
                                          : hak_output_size((uint64_t)snapshot->kernel_rss_bytes);
}

static void show_part(struct hak_show *show, const char *name, uint64_t bytes,
                      const struct hak_snapshot *snapshot, const char *meaning) {
    struct hak_show_phrases line = {.count = 0};
    uint64_t held = snapshot->figures.held_bytes;
    hak_show_add(&line, "  %-10s %10s %5.1f %%", name, hak_output_size(bytes),
                 held ? 100.0 * (double)bytes / (double)held : 0.0);
    hak_show_add(&line, "  %s", meaning);
    hak_show_phrases(show, &line, false);
}

static void show_title(struct hak_show *show, const struct hak_snapshot *snapshot) {
    struct hak_show_phrases line = {.count = 0};
    char age[HAK_SHOW_CELL];
    hak_show_add(&line, "%s (PID %ld)", snapshot->program, (long)snapshot->pid);
    hak_show_add(&line, ", libhakmem %s", snapshot->header.version);
    if (snapshot->started_ms && snapshot->started_ms <= snapshot->time_ms) {
        hak_show_put_duration(age, (snapshot->time_ms - snapshot->started_ms) / 1000);
        hak_show_add(&line, ", up %s", age);
    }
    hak_show_add(&line, ", counters from %s", way_text(snapshot->way));
    hak_show_phrases(show, &line, true);
}

static void show_resident(struct hak_show *show, const struct hak_snapshot *snapshot) {
    struct hak_show_phrases line = {.count = 0};
    hak_show_add(&line, "  %-10s %10s", "resident", resident_text(snapshot));
    hak_show_add(&line, "          of the whole process, as the kernel counts it");
    hak_show_phrases(show, &line, false);
}

static void show_blocks(struct hak_show *show, const struct hak_snapshot *snapshot) {
    const struct hak_process_record *process = &snapshot->process;
    struct hak_show_phrases line = {.count = 0};
    char count[HAK_SHOW_CELL];
    hak_show_put_count(count, 12, snapshot->figures.live_blocks);
    hak_show_add(&line, "  blocks   %12s live", count);
    hak_show_put_count(count, 12, process->large_allocations - process->large_frees);
    hak_show_add(&line, ", %s of them large (%s)", count, hak_output_size(process->large_bytes));
    hak_show_phrases(show, &line, false);
}

static void show_purging(struct hak_show *show, const struct hak_snapshot *snapshot) {
    const struct hak_process_record *process = &snapshot->process;
    struct hak_show_phrases line = {.count = 0};
    char count[HAK_SHOW_CELL];
    hak_show_add(&line, "  purged     %10s", hak_output_size(process->purged_bytes));
    hak_show_put_count(count, 9, process->purges);
    hak_show_add(&line, " in %s purges", count);
    hak_show_put_count(count, 9, process->faults_avoided);
    hak_show_add(&line, "; %s page faults avoided", count);
    hak_show_phrases(show, &line, false);
    line.count = 0;
    hak_show_add(&line, "  mapped     %10s usable", hak_output_size(process->committed_bytes));
    hak_show_add(&line, " of %s reserved", hak_output_size(process->reserved_bytes));
    hak_show_phrases(show, &line, false);
}

static void show_limits(struct hak_show *show, const struct hak_snapshot *snapshot) {
    struct hak_show_phrases line = {.count = 0};
    hak_show_add(&line, "  limits     address space %s", limit_text(snapshot->address_limit));
    hak_show_add(&line, ", control group %s", limit_text(snapshot->memory_limit));
    hak_show_phrases(show, &line, false);
    if (snapshot->heaps_missing)
        hak_show_line(show, "  missing    %" PRIu32 " threads found no room for their counters",
                      snapshot->heaps_missing);
}

void hak_show_process(struct hak_show *show, const struct hak_snapshot *snapshot) {
    const struct hak_figures *figures = &snapshot->figures;
    show_title(show, snapshot);
    show_resident(show, snapshot);
    show_part(show, "held", figures->held_bytes, snapshot, "by libhakmem, touched or not");
    show_part(show, "allocated", figures->allocated_bytes, snapshot, "live blocks");
    show_part(show, "cached", figures->cached_bytes, snapshot, "freed, in thread caches");
    show_part(show, "free", figures->free_bytes, snapshot, "freed, in slabs");
    show_part(show, "slack", figures->slack_bytes, snapshot, "of slabs, covered by no block");
    show_part(show, "dirty", snapshot->process.dirty_bytes, snapshot, "free pages, not purged yet");
    show_part(show, "metadata", snapshot->process.metadata_bytes, snapshot, "libhakmem's own");
    if (snapshot->process.lazy_bytes)
        hak_show_line(show, "  lazy       %10s  purged, until the kernel needs it",
                      hak_output_size(snapshot->process.lazy_bytes));
    show_blocks(show, snapshot);
    show_purging(show, snapshot);
    show_limits(show, snapshot);
}

void hak_show_process_briefly(struct hak_show *show, const struct hak_snapshot *snapshot) {
    const struct hak_figures *figures = &snapshot->figures;
    struct hak_show_phrases line = {.count = 0};
    show_title(show, snapshot);
    hak_show_add(&line, "  resident %s", resident_text(snapshot));
    hak_show_add(&line, ", %s live", hak_output_size(figures->allocated_bytes));
    hak_show_add(&line, ", %s cached", hak_output_size(figures->cached_bytes));
    hak_show_add(&line, ", %s free", hak_output_size(figures->free_bytes + figures->slack_bytes));
    hak_show_add(&line, ", %s dirty", hak_output_size(snapshot->process.dirty_bytes));
    hak_show_phrases(show, &line, false);
}

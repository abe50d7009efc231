/* SPDX-License-Identifier: MIT */
/*
 * Owns the forms for programs: JSON, Prometheus's text format, CSV. All names come from the tables
 * counters.def and figures.def; the JSON object is described in hakmem-stat(1). Stateless.
 */
#include "stat/show.h"

#include <inttypes.h>
#include <string.h>

/* In quotes; the text is printable already. */
static void put_quoted(FILE *out, const char *text) {
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        putc(*text, out);
    }
    putc('"', out);
}

static void put_member(FILE *out, const char *name, uint64_t value, bool is_first) {
    fprintf(out, "%s\"%s\":%" PRIu64, is_first ? "" : ",", name, value);
}

static uint64_t sum_of(const uint64_t *values) {
    uint64_t sum = 0;
    for (unsigned size_class = 0; size_class < HAK_STATS_CLASSES; size_class++)
        sum += values[size_class];
    return sum;
}

/* ---- JSON ---- */

static void put_resident(FILE *out, const struct hak_snapshot *snapshot) {
    if (snapshot->kernel_rss_bytes < 0)
        fputs(",\"resident_bytes\":null", out);
    else
        put_member(out, "resident_bytes", (uint64_t)snapshot->kernel_rss_bytes, false);
}

static void put_head(FILE *out, const struct hak_snapshot *snapshot) {
    static const char *const ways[] = {"segment", "file", "memory"};
    fprintf(out,
            "{\"schema\":\"" HAK_JSON_SCHEMA "\",\"pid\":%ld,\"program\":", (long)snapshot->pid);
    put_quoted(out, snapshot->program);
    fputs(",\"version\":", out);
    put_quoted(out, snapshot->header.version);
    fprintf(out, ",\"time\":%" PRIu64 ",\"started\":%" PRIu64 ",\"source\":\"%s\"",
            snapshot->time_ms / 1000, snapshot->started_ms / 1000, ways[snapshot->way]);
    put_member(out, "page_bytes", snapshot->header.page_bytes, false);
    put_member(out, "heaps_missing", snapshot->heaps_missing, false);
    put_resident(out, snapshot);
    fputs(",\"limits\":{\"address_space_bytes\":", out);
    fprintf(out, snapshot->address_limit == UINT64_MAX ? "null" : "%" PRIu64,
            snapshot->address_limit);
    fputs(",\"control_group_bytes\":", out);
    fprintf(out, snapshot->memory_limit == UINT64_MAX ? "null" : "%" PRIu64,
            snapshot->memory_limit);
    putc('}', out);
}

static void put_figures(FILE *out, const struct hak_snapshot *snapshot) {
    bool is_first = true;
    fputs(",\"figures\":{", out);
#define HAK_FIGURE(name, unit, help)                                                               \
    put_member(out, #name, snapshot->figures.name, is_first);                                      \
    is_first = false;
#include "stats/figures.def"
#undef HAK_FIGURE
    fputs("},\"process\":{", out);
    is_first = true;
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)
#define HAK_THREAD_COUNTER(name, unit, kind, help)
#define HAK_PROCESS_COUNTER(name, unit, kind, help)                                                \
    put_member(out, #name, snapshot->process.name, is_first);                                      \
    is_first = false;
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
    putc('}', out);
}

static void put_counters(FILE *out, const struct hak_counter_sums *counters) {
    put_member(out, "own_frees", sum_of(counters->own_frees), false);
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)                                           \
    put_member(out, #name, sum_of(counters->name), false);
#define HAK_THREAD_COUNTER(name, unit, kind, help) put_member(out, #name, counters->name, false);
#define HAK_PROCESS_COUNTER(name, unit, kind, help)
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
}

static void put_thread(FILE *out, const struct hak_stat_row *row) {
    static const char *const states[] = {"unused", "live", "dead", "left", "abandoned", "exited"};
    fprintf(out, "{\"tid\":%d,\"state\":\"%s\",\"name\":", row->counters.thread_id,
            states[row->counters.state]);
    put_quoted(out, row->name);
    put_member(out, "allocated_bytes", row->allocated_bytes, false);
    put_member(out, "freed_bytes", row->freed_bytes, false);
    put_member(out, "cached_bytes", row->cached_bytes, false);
    put_counters(out, &row->counters.sums);
    putc('}', out);
}

static void put_slabs(FILE *out, const uint64_t *slabs_by_use) {
    static const char *const names[HAK_USE_PARTS] = {"slabs_below_25", "slabs_below_50",
                                                     "slabs_below_75", "slabs_above_75"};
    for (unsigned i = 0; i < HAK_USE_PARTS; i++)
        put_member(out, names[i], slabs_by_use[i], false);
}

static void put_class(FILE *out, const struct hak_snapshot *snapshot, unsigned size_class) {
    struct hak_class_sums sums = hak_snapshot_class(snapshot, &snapshot->total, size_class);
    struct hak_class_use use = hak_class_use(&sums);
    const struct hak_counter_sums *total = &snapshot->total;
    put_member(out, "size", sums.block_bytes, true);
    put_member(out, "live_blocks", use.live_blocks, false);
    put_member(out, "cached_blocks", use.cached_blocks, false);
    put_member(out, "free_blocks", use.free_blocks, false);
    put_member(out, "slack_bytes", use.slack_bytes, false);
    put_member(out, "wasted_bytes", hak_snapshot_waste(snapshot, size_class), false);
    put_member(out, "own_frees", total->own_frees[size_class], false);
    if (snapshot->has_slabs_by_use)
        put_slabs(out, snapshot->slabs_by_use[size_class]);
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)                                           \
    put_member(out, #name, total->name[size_class], false);
#define HAK_THREAD_COUNTER(name, unit, kind, help)
#define HAK_PROCESS_COUNTER(name, unit, kind, help)
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
}

static void put_knobs(FILE *out, const struct hak_snapshot *snapshot) {
    fputs(",\"knobs\":[", out);
    for (unsigned i = 0; i < snapshot->knob_count; i++) {
        const struct hak_stats_knob *knob = &snapshot->knobs[i];
        fputs(i ? ",{\"name\":" : "{\"name\":", out);
        put_quoted(out, knob->name);
        fputs(",\"value\":", out);
        put_quoted(out, knob->value);
        fprintf(out, ",\"source\":\"%s\"}",
                knob->source == HAK_SOURCE_ENVIRONMENT ? "environment" : "default");
    }
    putc(']', out);
}

void hak_show_json(FILE *out, const struct hak_snapshot *snapshot) {
    put_head(out, snapshot);
    put_figures(out, snapshot);
    fputs(",\"total\":{\"rows\":", out);
    fprintf(out, "%u", snapshot->row_count);
    put_counters(out, &snapshot->total);
    fputs("},\"threads\":[", out);
    for (unsigned i = 0; i < snapshot->row_count; i++) {
        if (i)
            putc(',', out);
        put_thread(out, &snapshot->rows[i]);
    }
    fputs("],\"classes\":[", out);
    for (unsigned size_class = 1; size_class < snapshot->class_count; size_class++) {
        fputs(size_class > 1 ? ",{" : "{", out);
        put_class(out, snapshot, size_class);
        putc('}', out);
    }
    putc(']', out);
    put_knobs(out, snapshot);
    fputs("}\n", out);
}

/* ---- Prometheus ---- */

struct metric {
    const char *name;
    const char *help;
    bool is_event;
    enum { IN_FIGURES, IN_PROCESS, IN_CLASSES, IN_TOTAL } place;
    size_t offset;
};

static void put_sample(FILE *out, const struct metric *metric, const struct hak_snapshot *snapshot,
                       unsigned size_class, uint64_t value) {
    fprintf(out, "hakmem_%s%s{pid=\"%ld\",program=", metric->name, metric->is_event ? "_total" : "",
            (long)snapshot->pid);
    put_quoted(out, snapshot->program);
    if (metric->place == IN_CLASSES)
        fprintf(out, ",class=\"%" PRIu32 "\"", snapshot->class_bytes[size_class]);
    fprintf(out, "} %" PRIu64 "\n", value);
}

static uint64_t value_at(const void *structure, size_t offset) {
    uint64_t value;
    memcpy(&value, (const char *)structure + offset, sizeof value);
    return value;
}

static void put_samples(FILE *out, const struct metric *metric,
                        const struct hak_snapshot *snapshot) {
    const void *structures[] = {&snapshot->figures, &snapshot->process, &snapshot->total,
                                &snapshot->total};
    const void *structure = structures[metric->place];
    if (metric->place != IN_CLASSES) {
        put_sample(out, metric, snapshot, 0, value_at(structure, metric->offset));
        return;
    }
    for (unsigned size_class = 1; size_class < snapshot->class_count; size_class++)
        if (snapshot->total.allocations[size_class] || snapshot->total.slabs[size_class])
            put_sample(out, metric, snapshot, size_class,
                       value_at(structure, metric->offset + 8 * size_class));
}

static void put_metric(FILE *out, const struct metric *metric, const struct hak_snapshot *snapshots,
                       unsigned count) {
    const char *suffix = metric->is_event ? "_total" : "";
    fprintf(out, "# HELP hakmem_%s%s %s\n# TYPE hakmem_%s%s %s\n", metric->name, suffix,
            metric->help, metric->name, suffix, metric->is_event ? "counter" : "gauge");
    for (unsigned i = 0; i < count; i++)
        put_samples(out, metric, &snapshots[i]);
}

/* The kernel's figure, not one of the allocator's. */
static void put_resident_metric(FILE *out, const struct hak_snapshot *snapshots, unsigned count) {
    static const struct metric metric = {"resident_bytes",
                                         "resident memory of the process, as the kernel counts it",
                                         false, IN_PROCESS, 0};
    fprintf(out, "# HELP hakmem_%s %s\n# TYPE hakmem_%s gauge\n", metric.name, metric.help,
            metric.name);
    for (unsigned i = 0; i < count; i++)
        if (snapshots[i].kernel_rss_bytes >= 0)
            put_sample(out, &metric, &snapshots[i], 0, (uint64_t)snapshots[i].kernel_rss_bytes);
}

void hak_show_prometheus(FILE *out, const struct hak_snapshot *snapshots, unsigned count) {
    enum { EVENT = 1, GAUGE = 0 };
    static const struct metric metrics[] = {
#define HAK_FIGURE(name, unit, help)                                                               \
    {#name, help, GAUGE, IN_FIGURES, offsetof(struct hak_figures, name)},
#include "stats/figures.def"
#undef HAK_FIGURE
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)                                           \
    {"class_" #name, help, kind, IN_CLASSES, offsetof(struct hak_counter_sums, name)},
#define HAK_THREAD_COUNTER(name, unit, kind, help)                                                 \
    {#name, help, kind, IN_TOTAL, offsetof(struct hak_counter_sums, name)},
#define HAK_PROCESS_COUNTER(name, unit, kind, help)                                                \
    {#name, help, kind, IN_PROCESS, offsetof(struct hak_process_record, name)},
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
        {"class_own_frees", "blocks that their slab's thread freed", EVENT, IN_CLASSES,
         offsetof(struct hak_counter_sums, own_frees)},
    };
    put_resident_metric(out, snapshots, count);
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
        put_metric(out, &metrics[i], snapshots, count);
}

/* ---- CSV ---- */

void hak_show_csv_names(FILE *out) {
    fputs("time_s,pid,program,resident_bytes", out);
#define HAK_FIGURE(name, unit, help) fputs("," #name, out);
#include "stats/figures.def"
#undef HAK_FIGURE
    fputs(",own_frees", out);
#define HAK_CLASS_COUNTER(name, place, unit, kind, help) fputs("," #name, out);
#define HAK_THREAD_COUNTER(name, unit, kind, help) fputs("," #name, out);
#define HAK_PROCESS_COUNTER(name, unit, kind, help) fputs("," #name, out);
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
    putc('\n', out);
}

static void put_cell(FILE *out, uint64_t value) {
    fprintf(out, ",%" PRIu64, value);
}

/* RFC 4180: a quote in quotes is doubled. */
static void put_text_cell(FILE *out, const char *text) {
    fputs(",\"", out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

void hak_show_csv(FILE *out, const struct hak_snapshot *snapshot) {
    fprintf(out, "%" PRIu64 ".%03" PRIu64 ",%ld", snapshot->time_ms / 1000,
            snapshot->time_ms % 1000, (long)snapshot->pid);
    put_text_cell(out, snapshot->program);
    put_cell(out, snapshot->kernel_rss_bytes < 0 ? 0 : (uint64_t)snapshot->kernel_rss_bytes);
#define HAK_FIGURE(name, unit, help) put_cell(out, snapshot->figures.name);
#include "stats/figures.def"
#undef HAK_FIGURE
    put_cell(out, sum_of(snapshot->total.own_frees));
#define HAK_CLASS_COUNTER(name, place, unit, kind, help)                                           \
    put_cell(out, sum_of(snapshot->total.name));
#define HAK_THREAD_COUNTER(name, unit, kind, help) put_cell(out, snapshot->total.name);
#define HAK_PROCESS_COUNTER(name, unit, kind, help) put_cell(out, snapshot->process.name);
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
    putc('\n', out);
}

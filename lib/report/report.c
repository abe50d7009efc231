/* SPDX-License-Identifier: MIT */
/*
 * Owns the summing of counters and their text and XML forms. Takes the heap lock and the page
 * lock, one after the other, while it sums; writes without a lock. Stateless.
 */
#define _GNU_SOURCE
#include "report/report.h"

#include "base/format.h"
#include "conf/conf.h"
#include "heap/range.h"
#include "heap/thread.h"
#include "os/os_fatal.h"
#include "stats/process.h"

#include <limits.h>

struct totals {
    struct hak_thread_counters threads; /* summed over live and exited threads */
    struct hak_process_counters process;
    uint64_t live_blocks[HAK_CLASS_COUNT];
    uint64_t live_bytes; /* in slabs */
};

/* The countdown is left out: own frees go to free_goal. */
static void add_counters(const struct hak_thread_counters *from, struct hak_thread_counters *to) {
    for (unsigned class = 0; class < HAK_CLASS_COUNT; class ++)
        to->free_goal[class] += (int64_t)hak_own_frees(from, class);
#define HAK_CLASS_COUNTER(name, unit, kind, help)                                                  \
    for (unsigned class = 0; class < HAK_CLASS_COUNT; class ++)                                    \
        to->name[class] += from->name[class];
#define HAK_THREAD_COUNTER(name, unit, kind, help) to->name += from->name;
#define HAK_PROCESS_COUNTER(name, unit, kind, help)
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
}

static void add_heap(const struct hak_heap *heap, void *totals) {
    add_counters(&heap->counters, &((struct totals *)totals)->threads);
}

static struct totals sum_up(void) {
    struct totals totals = {0};
    hak_heap_each(add_heap, &totals);
    add_counters(&hak_exited_counters, &totals.threads);
    hak_lock_take(&hak_heap_lock);
    totals.process = hak_process_counters;
    hak_lock_give(&hak_heap_lock);
    for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
        uint64_t frees = hak_own_frees(&totals.threads, class) + totals.threads.remote_frees[class];
        totals.live_blocks[class] = totals.threads.allocations[class] - frees;
        totals.live_bytes += totals.live_blocks[class] * hak_class_bytes[class];
    }
    return totals;
}

struct mallinfo2 hak_report_mallinfo(void) {
    struct totals totals = sum_up();
    struct mallinfo2 info = {0};
    const struct hak_process_counters *process = &totals.process;
    info.hblks = process->large_allocations - process->large_frees;
    info.hblkhd = process->large_bytes;
    info.arena = process->used_bytes - hak_min(process->large_bytes, process->used_bytes) +
                 process->dirty_bytes;
    info.uordblks = totals.live_bytes;
    info.fordblks = info.arena - hak_min(info.uordblks, info.arena);
    info.keepcost = process->dirty_bytes;
    return info;
}

static int cut(size_t value) {
    return value > INT_MAX ? INT_MAX : (int)value;
}

struct mallinfo hak_report_mallinfo_int(void) {
    struct mallinfo2 wide = hak_report_mallinfo();
    return (struct mallinfo){
        .arena = cut(wide.arena),
        .hblks = cut(wide.hblks),
        .hblkhd = cut(wide.hblkhd),
        .uordblks = cut(wide.uordblks),
        .fordblks = cut(wide.fordblks),
        .keepcost = cut(wide.keepcost),
    };
}

int hak_report_mallopt(int parameter, int value) {
    switch (parameter) {
    case M_TRIM_THRESHOLD:
        hak_lock_take(&hak_heap_lock);
        hak_conf.dirty_min = value < 0 ? SIZE_MAX : (uint64_t)value;
        hak_lock_give(&hak_heap_lock);
        return 1;
    case M_MXFAST:
    case M_TOP_PAD:
    case M_MMAP_THRESHOLD:
    case M_MMAP_MAX:
    case M_CHECK_ACTION:
    case M_PERTURB:
    case M_ARENA_TEST:
    case M_ARENA_MAX:
        return 1; /* tunes a structure that this allocator doesn't have */
    default:
        return 0;
    }
}

static void put_row(struct hak_buffer *line, const char *name, uint64_t value, const char *unit) {
    hak_put_text(line, "hakmem: ");
    hak_put_text(line, name);
    hak_put_char(line, ' ');
    hak_put_decimal(line, value);
    hak_put_char(line, ' ');
    hak_put_text(line, unit);
}

static void log_row(const char *name, uint64_t value, const char *unit) {
    char storage[160];
    struct hak_buffer line;
    hak_buffer_init(&line, storage, sizeof storage);
    put_row(&line, name, value, unit);
    hak_log_line(&line);
}

static uint64_t sum_of(const uint64_t *values) {
    uint64_t sum = 0;
    for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++)
        sum += values[class];
    return sum;
}

void hak_report_text(void) {
    struct totals totals = sum_up();
    log_row("live_bytes", totals.live_bytes + totals.process.large_bytes, "bytes");
#define HAK_CLASS_COUNTER(name, unit, kind, help) log_row(#name, sum_of(totals.threads.name), unit);
#define HAK_THREAD_COUNTER(name, unit, kind, help) log_row(#name, totals.threads.name, unit);
#define HAK_PROCESS_COUNTER(name, unit, kind, help) log_row(#name, totals.process.name, unit);
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
}

static void print_class(FILE *stream, const struct totals *totals, unsigned class) {
    if (totals->threads.allocations[class])
        fprintf(stream, "  <class size=\"%u\" live=\"%llu\" allocations=\"%llu\"/>\n",
                hak_class_bytes[class], (unsigned long long)totals->live_blocks[class],
                (unsigned long long)totals->threads.allocations[class]);
}

static void print_counter(FILE *stream, const char *name, uint64_t value, const char *unit) {
    fprintf(stream, "  <counter name=\"%s\" value=\"%llu\" unit=\"%s\"/>\n", name,
            (unsigned long long)value, unit);
}

int hak_report_xml(FILE *stream) {
    struct totals totals = sum_up();
    fputs("<malloc version=\"hakmem-1\">\n", stream);
    for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++)
        print_class(stream, &totals, class);
    print_counter(stream, "live_bytes", totals.live_bytes + totals.process.large_bytes, "bytes");
#define HAK_CLASS_COUNTER(name, unit, kind, help)
#define HAK_THREAD_COUNTER(name, unit, kind, help)                                                 \
    print_counter(stream, #name, totals.threads.name, unit);
#define HAK_PROCESS_COUNTER(name, unit, kind, help)                                                \
    print_counter(stream, #name, totals.process.name, unit);
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
    fputs("</malloc>\n", stream);
    return ferror(stream) ? -1 : 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the XML form of the counters and libc's structures. Stateless; holds no lock while it
 * writes.
 */
#define _GNU_SOURCE
#include "report/report.h"

#include "base/bits.h"
#include "heap/dirty.h"
#include "heap/lock.h"
#include "heap/range.h"
#include "report/totals.h"

#include <limits.h>

struct mallinfo2 hak_report_mallinfo(void) {
    struct hak_totals totals;
    struct mallinfo2 info = {0};
    hak_totals_sum(&totals);
    const struct hak_process_record *process = &totals.process;
    info.hblks = process->large_allocations - process->large_frees + process->guarded_allocations -
                 process->guarded_frees;
    info.hblkhd = process->large_bytes + process->guarded_bytes;
    info.arena = process->used_bytes - hak_min(process->large_bytes, process->used_bytes) +
                 process->dirty_bytes;
    info.uordblks = totals.figures.allocated_bytes - info.hblkhd;
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
        hak_dirty_set_least(value < 0 ? SIZE_MAX : (size_t)value);
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

static void print_class(FILE *stream, const struct hak_totals *totals, unsigned class) {
    struct hak_class_sums sums = hak_totals_class(totals, class);
    struct hak_class_use use = hak_class_use(&sums);
    if (sums.allocations)
        fprintf(stream,
                "  <class size=\"%u\" live=\"%llu\" cached=\"%llu\" free=\"%llu\" slabs=\"%llu\""
                " allocations=\"%llu\"/>\n",
                sums.block_bytes, (unsigned long long)use.live_blocks,
                (unsigned long long)use.cached_blocks, (unsigned long long)use.free_blocks,
                (unsigned long long)totals->threads.slabs[class],
                (unsigned long long)sums.allocations);
}

static void print_row(void *stream, const char *name, const char *unit, uint64_t value) {
    fprintf(stream, "  <counter name=\"%s\" value=\"%llu\" unit=\"%s\"/>\n", name,
            (unsigned long long)value, unit);
}

int hak_report_xml(FILE *stream) {
    struct hak_totals totals;
    hak_totals_sum(&totals);
    fputs("<malloc version=\"hakmem-1\">\n", stream);
    for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++)
        print_class(stream, &totals, class);
    hak_totals_each(&totals, print_row, stream);
    fputs("</malloc>\n", stream);
    return ferror(stream) ? -1 : 0;
}

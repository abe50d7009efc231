/* SPDX-License-Identifier: MIT */
/*
 * Owns the XML form of the counters and libc's structures. Stateless; holds no lock while it
 * writes.
 */
#define _GNU_SOURCE
#include "report/report.h"

#include "base/bits.h"
#include "core/lock.h"
#include "core/region.h"
#include "pages/retention.h"
#include "report/totals.h"

#include <limits.h>

static struct mallinfo2 info_of(const struct hak_totals *totals) {
    struct mallinfo2 info = {0};
    const struct hak_process_record *process = &totals->process;
    info.hblks = process->large_allocations - process->large_frees + process->guarded_allocations -
                 process->guarded_frees;
    info.hblkhd = process->large_bytes + process->guarded_bytes;
    info.arena = process->used_bytes - hak_min(process->large_bytes, process->used_bytes) +
                 process->dirty_bytes;
    info.uordblks = totals->figures.allocated_bytes - info.hblkhd;
    info.fordblks = info.arena - hak_min(info.uordblks, info.arena);
    info.keepcost = process->dirty_bytes;
    return info;
}

struct mallinfo2 hak_report_mallinfo(void) {
    struct hak_totals totals;
    hak_totals_sum(&totals);
    return info_of(&totals);
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
        hak_retention_set_least(value < 0 ? SIZE_MAX : (size_t)value);
        hak_lock_release(&hak_heap_lock);
        return 1;
    default:
        return 0; /* tunes a structure that this allocator doesn't have */
    }
}

static void print_class(FILE *stream, const struct hak_totals *totals, unsigned size_class) {
    struct hak_class_sums sums = hak_totals_class(totals, size_class);
    struct hak_class_use use = hak_class_use(&sums);
    if (sums.allocations)
        fprintf(stream,
                "  <class size=\"%u\" live=\"%llu\" cached=\"%llu\" free=\"%llu\" slabs=\"%llu\""
                " allocations=\"%llu\"/>\n",
                sums.block_bytes, (unsigned long long)use.live_blocks,
                (unsigned long long)use.cached_blocks, (unsigned long long)use.free_blocks,
                (unsigned long long)totals->threads.slabs[size_class],
                (unsigned long long)sums.allocations);
}

static void print_row(void *stream, const char *name, const char *unit, uint64_t value) {
    fprintf(stream, "  <counter name=\"%s\" value=\"%llu\" unit=\"%s\"/>\n", name,
            (unsigned long long)value, unit);
}

static void print_count(FILE *stream, const char *type, uint64_t count, uint64_t bytes) {
    fprintf(stream, "<total type=\"%s\" count=\"%llu\" size=\"%llu\"/>\n", type,
            (unsigned long long)count, (unsigned long long)bytes);
}

static void print_size(FILE *stream, const char *element, const char *type, uint64_t bytes) {
    fprintf(stream, "<%s type=\"%s\" size=\"%llu\"/>\n", element, type, (unsigned long long)bytes);
}

/* Free blocks of a class, as libc lists free chunks: those in thread caches are its fast ones. */
static void print_free(FILE *stream, const struct hak_totals *totals, unsigned size_class) {
    struct hak_class_sums sums = hak_totals_class(totals, size_class);
    struct hak_class_use use = hak_class_use(&sums);
    uint64_t blocks = use.cached_blocks + use.free_blocks;
    if (blocks)
        fprintf(stream, "  <size from=\"%u\" to=\"%u\" total=\"%llu\" count=\"%llu\"/>\n",
                hak_size_class_bytes[size_class - 1] + 1, sums.block_bytes,
                (unsigned long long)blocks * sums.block_bytes, (unsigned long long)blocks);
}

/* What libc says of each of its heaps and then of all; there is one here. */
static void print_sums(FILE *stream, const struct hak_totals *totals, bool has_mapped) {
    const struct hak_process_record *process = &totals->process;
    struct mallinfo2 info = info_of(totals);
    uint64_t cached_blocks = 0, free_blocks = 0;
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        struct hak_class_sums sums = hak_totals_class(totals, size_class);
        struct hak_class_use use = hak_class_use(&sums);
        cached_blocks += use.cached_blocks;
        free_blocks += use.free_blocks;
    }
    uint64_t cached_bytes = totals->figures.cached_bytes;
    print_count(stream, "fast", cached_blocks, cached_bytes);
    print_count(stream, "rest", free_blocks, hak_excess(info.fordblks, cached_bytes));
    if (has_mapped)
        print_count(stream, "mmap", info.hblks, info.hblkhd);
    print_size(stream, "system", "current", info.arena);
    print_size(stream, "system", "max", hak_max(info.arena, process->committed_bytes));
    print_size(stream, "aspace", "total", process->committed_bytes);
    print_size(stream, "aspace", "mprotect", process->committed_bytes);
}

/* First what parsers of libc's know, with our figures; then all that there is. */
int hak_report_xml(FILE *stream) {
    struct hak_totals totals;
    hak_totals_sum(&totals);
    fputs("<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n", stream);
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++)
        print_free(stream, &totals, size_class);
    fputs("</sizes>\n", stream);
    print_sums(stream, &totals, false);
    fputs("</heap>\n", stream);
    print_sums(stream, &totals, true);
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++)
        print_class(stream, &totals, size_class);
    hak_totals_each(&totals, print_row, stream);
    fputs("</malloc>\n", stream);
    return ferror(stream) ? -1 : 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the look at slab records, one by one, in the memory of a process that we may trace. The
 * counters know sums alone: how full each slab is would have to be kept by the slow paths. What is
 * read is a stranger's: places and numbers have bounds, and what can't be read is left out.
 */
#define _GNU_SOURCE
#include "stat/snapshot.h"
#include "stat/target.h"

#include <stdlib.h>
#include <string.h>

#define RANGES_MOST 64u
#define REGION_BYTES_MOST 512u
#define RECORD_BYTES_MOST 512u
#define RECORDS_MOST (1u << 22) /* 256 GiB of slabs */
#define GAPS_MOST 8u            /* a region in which more can't be read is none */
#define BATCH 32u               /* records that are there, or aren't, together: a SuperSlab's */

static bool facts_are_sane(const struct hak_stats_slabs *facts) {
    return facts->region_bytes >= 8 && facts->region_bytes <= REGION_BYTES_MOST &&
           facts->region_top <= facts->region_bytes - 8 &&
           facts->region_records <= facts->region_bytes - 8 && facts->record_bytes >= 2 &&
           facts->record_bytes <= RECORD_BYTES_MOST && facts->state < facts->record_bytes &&
           facts->size_class < facts->record_bytes && facts->used <= facts->record_bytes - 2 &&
           facts->capacity <= facts->record_bytes - 2;
}

static void count_record(struct hak_snapshot *snapshot, const struct hak_stats_slabs *facts,
                         const unsigned char *record) {
    uint16_t used, capacity;
    unsigned size_class = record[facts->size_class];
    memcpy(&used, record + facts->used, sizeof used);
    memcpy(&capacity, record + facts->capacity, sizeof capacity);
    if (record[facts->state] != facts->state_blocks || size_class == 0 ||
        size_class >= snapshot->class_count || capacity == 0)
        return;
    unsigned part = 4u * used / capacity;
    snapshot->slabs_by_use[size_class][part < HAK_USE_PARTS ? part : HAK_USE_PARTS - 1]++;
}

static bool count_region(struct hak_snapshot *snapshot, const struct hak_stats_slabs *facts,
                         uint64_t records, uint64_t top) {
    unsigned char batch[BATCH * RECORD_BYTES_MOST];
    unsigned gaps = 0;
    bool was_read = false;
    for (uint64_t first = 0; first < top && gaps <= GAPS_MOST; first += BATCH) {
        size_t bytes = BATCH * facts->record_bytes;
        if (!hak_target_read_process(snapshot->pid, records + first * facts->record_bytes, batch,
                                     bytes)) {
            gaps++;
            continue;
        }
        was_read = true;
        for (unsigned i = 0; i < BATCH && first + i < top; i++)
            count_record(snapshot, facts, batch + i * facts->record_bytes);
    }
    return was_read;
}

void hak_snapshot_count_slabs(struct hak_snapshot *snapshot) {
    const struct hak_stats_slabs *facts = &snapshot->header.slabs;
    unsigned char region[REGION_BYTES_MOST];
    uint32_t count = 0;
    uint64_t records, top, left = RECORDS_MOST;
    if (!facts_are_sane(facts) ||
        !hak_target_read_process(snapshot->pid, facts->region_count, &count, sizeof count))
        return;
    for (uint32_t i = 0; i < count && i < RANGES_MOST; i++) {
        uint64_t place = facts->regions + (uint64_t)i * facts->region_bytes;
        if (!hak_target_read_process(snapshot->pid, place, region, facts->region_bytes))
            return;
        memcpy(&records, region + facts->region_records, sizeof records);
        memcpy(&top, region + facts->region_top, sizeof top);
        top = top < left ? top : left;
        left -= top;
        if (count_region(snapshot, facts, records, top))
            snapshot->has_slabs_by_use = true;
    }
}

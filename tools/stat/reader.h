/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of a checked header, its table of rows and the records. A struct hak_stat_reader
 * belongs to one snapshot's taking. Called by stat_snapshot.c alone.
 */
#ifndef HAK_TOOLS_STAT_READER_H
#define HAK_TOOLS_STAT_READER_H

#include "stat/target.h"
#include "stats/layout.h"
#include "stats/stats.h"

/* What is read of a heap. */
struct hak_stat_record {
    struct hak_counter_sums sums;
    uint32_t state; /* enum hak_record_state */
    uint32_t forks; /* fewer than the header's: its thread is the parent's */
    int32_t thread_id;
};

struct hak_stat_reader {
    const struct hak_target *target;
    struct hak_stats_header header;
    struct hak_stat_field *fields; /* what we know, and where the process has it */
    uint32_t record_bytes;         /* of a record, as much of it as is described */
    uint32_t process_bytes;
    uint32_t sequence_from; /* of a record's sequence word; UINT32_MAX: none */
    char *buffer;           /* one record */
};

/* Reads and checks header and table of rows. */
enum hak_stat_error hak_reader_open(struct hak_stat_reader *reader,
                                    const struct hak_target *target);
void hak_reader_close(struct hak_stat_reader *reader);

/* Entry `index` of a table of the header, `bytes` of it; false: not there. */
bool hak_reader_entry(const struct hak_stat_reader *reader, const struct hak_stats_table *table,
                      uint32_t index, void *buffer, size_t bytes);

/* The process's counters; false: it died. */
bool hak_reader_process(const struct hak_stat_reader *reader, struct hak_process_record *to);

/* Offsets of all records: the segment's, or of the heaps in the lists. The caller frees. */
struct hak_places {
    uint64_t *offset;
    unsigned count;
};

bool hak_reader_find(const struct hak_stat_reader *reader, struct hak_places *places);

/* Copies all records, and then the exited threads' row, to each `stride` bytes of `to`, where there
 * is a struct hak_stat_record. False: the process died. */
bool hak_reader_copy(const struct hak_stat_reader *reader, const struct hak_places *places,
                     void *to, size_t stride);

#endif

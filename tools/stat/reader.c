/* SPDX-License-Identifier: MIT */
/*
 * Owns the copying and checking. Frees are copied before all else of the records, so that no block
 * is seen freed that wasn't seen handed out; a copy during which counters moved to the row of
 * exited threads is thrown away. A process that is stopped in the middle of such a move is read all
 * the same, after some tries.
 */
#include "stat/reader.h"

#include "stat/target.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MOST 1024u
#define KNOBS_MOST 256u
#define RECORDS_MOST 16384u
#define RECORD_BYTES_MOST (1u << 20)
#define TRIES 50

/* Where the values of one counter are, there and here. */
struct hak_stat_field {
    const char *name;
    uint32_t to; /* offset in our structure */
    uint16_t count;
    uint8_t bytes; /* of one value, here */
    uint8_t scope;
    uint32_t from; /* offset in the process's record; UINT32_MAX: it has none */
    uint16_t from_count;
    uint16_t from_step;
    uint8_t from_bytes;
};

#define CLASS_FIELD(name, to)                                                                      \
    {#name,                                                                                        \
     offsetof(struct hak_stat_record, sums.to),                                                    \
     HAK_STATS_CLASSES,                                                                            \
     8,                                                                                            \
     HAK_ROW_CLASS,                                                                                \
     UINT32_MAX,                                                                                   \
     0,                                                                                            \
     0,                                                                                            \
     0},
#define WORD_FIELD(name, bytes, scope, structure, place)                                           \
    {#name, offsetof(structure, place), 1, bytes, scope, UINT32_MAX, 0, 0, 0},
#define THREAD_FIELD(name, bytes, place)                                                           \
    WORD_FIELD(name, bytes, HAK_ROW_THREAD, struct hak_stat_record, place)
static const struct hak_stat_field known_fields[] = {
    CLASS_FIELD(free_goal, own_frees) CLASS_FIELD(free_countdown, own_frees) /* their sum */
    CLASS_FIELD(remote_frees, remote_frees)
#define FREE_FIELDS 3u /* those above are copied first; remote_frees comes twice, the same way */
        THREAD_FIELD(state, 4, state) THREAD_FIELD(forks, 4, forks)
            THREAD_FIELD(thread_id, 4, thread_id)
#define HAK_CLASS_COUNTER(name, place, unit, kind, help) CLASS_FIELD(name, name)
#define HAK_THREAD_COUNTER(name, unit, kind, help) THREAD_FIELD(name, 8, sums.name)
#define HAK_PROCESS_COUNTER(name, unit, kind, help)                                                \
    WORD_FIELD(name, 8, HAK_ROW_PROCESS, struct hak_process_record, name)
#include "stats/counters.def"
#undef HAK_CLASS_COUNTER
#undef HAK_THREAD_COUNTER
#undef HAK_PROCESS_COUNTER
};

#define FIELD_COUNT (sizeof known_fields / sizeof known_fields[0])

/* ---- checking ---- */

static bool table_is_sane(const struct hak_stat_reader *reader, const struct hak_stats_table *table,
                          uint32_t count_most, size_t entry_least) {
    uint64_t bytes = (uint64_t)table->count * table->entry_bytes;
    if (table->count > count_most || table->entry_bytes < entry_least ||
        table->entry_bytes > RECORD_BYTES_MOST)
        return false;
    return reader->target->way == HAK_WAY_MEMORY ||
           (table->offset <= reader->target->bytes &&
            bytes <= reader->target->bytes - table->offset);
}

static bool header_is_sane(const struct hak_stat_reader *reader) {
    const struct hak_stats_header *header = &reader->header;
    bool is_shared = header->kind == HAK_STATS_SHARED;
    return (is_shared ||
            (header->kind == HAK_STATS_PRIVATE && reader->target->way == HAK_WAY_MEMORY)) &&
           header->header_bytes >= sizeof *header &&
           table_is_sane(reader, &header->rows, ROWS_MOST, sizeof(struct hak_stats_row)) &&
           table_is_sane(reader, &header->classes, HAK_STATS_CLASSES, sizeof(uint32_t)) &&
           table_is_sane(reader, &header->knobs, KNOBS_MOST, sizeof(struct hak_stats_knob)) &&
           table_is_sane(reader, &header->process, 1, 8) && header->process.count == 1 &&
           table_is_sane(reader, &header->exited, 1, 8) && header->exited.count == 1 &&
           (!is_shared || table_is_sane(reader, &header->records, RECORDS_MOST, 8));
}

static bool read_at(const struct hak_stat_reader *reader, uint64_t offset, void *buffer,
                    size_t bytes) {
    return hak_target_read(reader->target, offset, buffer, bytes);
}

bool hak_reader_entry(const struct hak_stat_reader *reader, const struct hak_stats_table *table,
                      uint32_t index, void *buffer, size_t bytes) {
    return read_at(reader, table->offset + (uint64_t)index * table->entry_bytes, buffer, bytes);
}

/* ---- the table of rows ---- */

static bool row_is_sane(const struct hak_stats_row *row, uint32_t bytes) {
    uint64_t last = row->offset + (row->count ? row->count - 1ull : 0) * row->step_bytes;
    return (row->value_bytes == 4 || row->value_bytes == 8) && row->offset % 4 == 0 &&
           last + row->value_bytes <= bytes;
}

static void note_row(struct hak_stat_reader *reader, const struct hak_stats_row *row) {
    bool is_process = row->scope == HAK_ROW_PROCESS;
    if (!row_is_sane(row, is_process ? reader->process_bytes : reader->record_bytes))
        return;
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        struct hak_stat_field *field = &reader->fields[i];
        if (strcmp(field->name, row->name) != 0 || field->scope != row->scope)
            continue;
        field->from = row->offset;
        field->from_count = row->count;
        field->from_step = row->step_bytes;
        field->from_bytes = row->value_bytes;
    }
    if (strcmp(row->name, "sequence") == 0 && row->value_bytes == 4)
        reader->sequence_from = row->offset;
}

static bool read_rows(struct hak_stat_reader *reader) {
    struct hak_stats_row row;
    memcpy(reader->fields, known_fields, sizeof known_fields);
    reader->sequence_from = UINT32_MAX;
    for (uint32_t i = 0; i < reader->header.rows.count; i++) {
        if (!hak_reader_entry(reader, &reader->header.rows, i, &row, sizeof row))
            return false;
        row.name[sizeof row.name - 1] = '\0';
        note_row(reader, &row);
    }
    return true;
}

/* Adds to a value of ours, which has 4 or 8 bytes; a hostile process's may overflow. */
static void add_value(char *to, unsigned bytes, uint64_t value) {
    uint64_t sum = 0;
    memcpy(&sum, to, bytes);
    sum += value;
    memcpy(to, &sum, bytes);
}

/* Brings a copied record into our shape, which is zero; the fields from `first` to before `end`. */
static void import(const struct hak_stat_reader *reader, void *to, bool is_process, unsigned first,
                   unsigned end) {
    for (unsigned i = first; i < end; i++) {
        const struct hak_stat_field *field = &reader->fields[i];
        if ((field->scope == HAK_ROW_PROCESS) != is_process || field->from == UINT32_MAX)
            continue;
        unsigned count = field->count < field->from_count ? field->count : field->from_count;
        for (unsigned j = 0; j < count; j++) {
            uint64_t value = 0;
            memcpy(&value, reader->buffer + field->from + j * field->from_step, field->from_bytes);
            add_value((char *)to + field->to + j * field->bytes, field->bytes, value);
        }
    }
}

/* ---- records ---- */

static uint32_t sequence_at(const struct hak_stat_reader *reader, uint64_t offset) {
    uint32_t sequence = 0;
    if (reader->sequence_from != UINT32_MAX)
        read_at(reader, offset + reader->sequence_from, &sequence, sizeof sequence);
    atomic_thread_fence(memory_order_acquire); /* pairs with the fences in arm_at (cache/bin.c) */
    return sequence;
}

/* A copy during which no countdown was set anew. */
static bool copy_record(const struct hak_stat_reader *reader, uint64_t offset) {
    for (int i = 0; i < TRIES; i++) {
        uint32_t before = sequence_at(reader, offset);
        if (!read_at(reader, offset, reader->buffer, reader->record_bytes))
            return false;
        if (sequence_at(reader, offset) == before && before % 2 == 0)
            break;
    }
    return true;
}

static bool import_frees(const struct hak_stat_reader *reader, uint64_t offset,
                         struct hak_stat_record *to) {
    memset(to, 0, sizeof *to);
    if (!copy_record(reader, offset))
        return false;
    import(reader, to, false, 0, FREE_FIELDS);
    return true;
}

static bool import_rest(const struct hak_stat_reader *reader, uint64_t offset,
                        struct hak_stat_record *to) {
    uint64_t remote_frees[HAK_STATS_CLASSES];
    memcpy(remote_frees, to->sums.remote_frees, sizeof remote_frees);
    if (!read_at(reader, offset, reader->buffer, reader->record_bytes))
        return false;
    import(reader, to, false, FREE_FIELDS, FIELD_COUNT);
    memcpy(to->sums.remote_frees, remote_frees, sizeof remote_frees);
    return true;
}

static bool add_place(struct hak_places *places, uint64_t offset) {
    uint64_t *grown = reallocarray(places->offset, places->count + 1, sizeof *grown);
    if (!grown)
        return false;
    places->offset = grown;
    grown[places->count++] = offset;
    return true;
}

/* Follows the list of heaps through the process's memory, as far as it is one. */
static bool walk_heaps(const struct hak_stat_reader *reader, struct hak_places *places) {
    const struct hak_stats_header *header = &reader->header;
    uint64_t base = reader->target->base, heap;
    if (read_at(reader, header->abandoned_heap, &heap, sizeof heap) && heap &&
        !add_place(places, heap - base + header->heap_counters))
        return false;
    if (!read_at(reader, header->first_heap, &heap, sizeof heap))
        return true;
    while (heap && places->count < RECORDS_MOST) {
        if (!add_place(places, heap - base + header->heap_counters))
            return false;
        if (!read_at(reader, heap - base + header->heap_next, &heap, sizeof heap))
            break;
    }
    return true;
}

bool hak_reader_find(const struct hak_stat_reader *reader, struct hak_places *places) {
    const struct hak_stats_header *header = &reader->header;
    if (header->kind == HAK_STATS_PRIVATE)
        return walk_heaps(reader, places);
    uint32_t used;
    if (!read_at(reader, offsetof(struct hak_stats_header, records_used), &used, sizeof used))
        return false;
    for (uint32_t i = 0; i < used && i < header->records.count; i++)
        if (!add_place(places, header->records.offset + (uint64_t)i * header->records.entry_bytes))
            return false;
    return true;
}

static uint32_t move_sequence(const struct hak_stat_reader *reader) {
    uint32_t sequence = 1;
    read_at(reader, offsetof(struct hak_stats_header, sequence), &sequence, sizeof sequence);
    return sequence;
}

bool hak_reader_copy(const struct hak_stat_reader *reader, const struct hak_places *places,
                     void *to, size_t stride) {
    for (int tries = 0; tries < TRIES; tries++) {
        uint32_t before = move_sequence(reader);
        for (unsigned i = 0; i < 2 * (places->count + 1); i++) {
            unsigned row = i % (places->count + 1);
            bool is_exited = row == places->count;
            uint64_t offset = is_exited ? reader->header.exited.offset : places->offset[row];
            void *counters = (char *)to + row * stride;
            if (i <= places->count ? !import_frees(reader, offset, counters)
                                   : !import_rest(reader, offset, counters))
                return false;
        }
        if (move_sequence(reader) == before && before % 2 == 0)
            break;
    }
    return true;
}

bool hak_reader_process(const struct hak_stat_reader *reader, struct hak_process_record *to) {
    memset(to, 0, sizeof *to);
    if (!read_at(reader, reader->header.process.offset, reader->buffer, reader->process_bytes))
        return false;
    import(reader, to, true, 0, FIELD_COUNT);
    return true;
}

enum hak_stat_error hak_reader_open(struct hak_stat_reader *reader,
                                    const struct hak_target *target) {
    struct hak_stats_header *header = &reader->header;
    *reader = (struct hak_stat_reader){.target = target};
    if (!read_at(reader, 0, header, sizeof *header))
        return HAK_STAT_NO_PROCESS;
    if (header->rows.count == 0)
        return HAK_STAT_NO_HAKMEM; /* loaded, but not started */
    if (!header_is_sane(reader))
        return HAK_STAT_BROKEN;
    reader->record_bytes = header->exited.entry_bytes;
    reader->process_bytes = header->process.entry_bytes;
    if (header->kind == HAK_STATS_SHARED && header->records.entry_bytes < reader->record_bytes)
        return HAK_STAT_BROKEN;
    uint32_t record = reader->record_bytes, process = reader->process_bytes;
    reader->buffer = malloc(record > process ? record : process);
    reader->fields = malloc(sizeof known_fields);
    if (!reader->buffer || !reader->fields)
        return HAK_STAT_FAILED;
    return read_rows(reader) ? HAK_STAT_OK : HAK_STAT_NO_PROCESS;
}

void hak_reader_close(struct hak_stat_reader *reader) {
    free(reader->buffer);
    free(reader->fields);
    reader->buffer = NULL;
    reader->fields = NULL;
}

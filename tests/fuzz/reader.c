/* SPDX-License-Identifier: MIT */
/*
 * Shows hakmem-stat's reader a segment that a hostile process wrote: `reader PID SEED ROUNDS`
 * copies the counters of PID, changes some words of the copy in each round, and takes and shows
 * snapshots of it. Linked with the tool's own files but for stat_target.c, whose part it plays, and
 * built with a sanitizer: a read outside of the copy ends it. Escape sequences in what is shown end
 * it, too.
 */
#include "common/proc.h"
#include "stat/show.h"
#include "stat/snapshot.h"
#include "stat/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

const char hak_tool_name[] = "reader";

enum { MOST_CHANGES = 6, OUT_BYTES = 1 << 20 };

static unsigned char *original, *copy;
static size_t copy_bytes;
static uint64_t random_state;
static unsigned long taken, refused;

/* xorshift64*: the same numbers for the same seed, everywhere. */
static uint64_t draw(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1DULL;
}

enum hak_stat_error hak_target_open(struct hak_target *target, pid_t pid) {
    *target = (struct hak_target){.pid = pid, .way = HAK_WAY_SEGMENT, .file = -1};
    target->segment = (const char *)copy;
    target->bytes = copy_bytes;
    target->has_library = true;
    return HAK_STAT_OK;
}

void hak_target_close(struct hak_target *target) {
    target->segment = NULL;
}

bool hak_target_read(const struct hak_target *target, uint64_t offset, void *buffer, size_t bytes) {
    if (offset > target->bytes || bytes > target->bytes - offset)
        return false;
    memcpy(buffer, target->segment + offset, bytes);
    return true;
}

/* Memory of which every byte is drawn, and some of which isn't there. */
bool hak_target_read_process(pid_t pid, uint64_t address, void *buffer, size_t bytes) {
    (void)address;
    for (size_t i = 0; i < bytes; i++)
        ((unsigned char *)buffer)[i] = (unsigned char)draw();
    return pid > 0 && draw() % 8 != 0;
}

void *hak_target_control(const struct hak_target *target, int id) {
    (void)target;
    (void)id;
    return NULL;
}

static const void *attach(pid_t pid) {
    struct hak_mapping mapping;
    FILE *maps = hak_proc_open(pid, "maps");
    while (maps && hak_proc_mapping(maps, &mapping)) {
        if (mapping.offset || strncmp(mapping.path, "/SYSV00000000", 13) != 0)
            continue;
        const void *segment = shmat((int)mapping.inode, NULL, SHM_RDONLY);
        if (segment != (void *)-1 && memcmp(segment, HAK_STATS_MAGIC, 16) == 0)
            return segment;
    }
    return NULL;
}

/* What is used of the segment, in a block of just that size. */
static bool read_original(pid_t pid) {
    const struct hak_stats_header *header = attach(pid);
    if (!header)
        return false;
    copy_bytes =
        header->records.offset + (size_t)header->records_used * header->records.entry_bytes;
    original = malloc(copy_bytes);
    copy = malloc(copy_bytes);
    memcpy(original, header, copy_bytes);
    ((struct hak_stats_header *)original)->records.count = header->records_used;
    return true;
}

static uint64_t evil_value(void) {
    uint64_t value = draw();
    switch (value & 7) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return (uint64_t)1 << (value >> 8 & 63);
    case 3:
        return copy_bytes - (value >> 8 & 63);
    case 4:
        return value >> 8 & 255;
    case 5:
        return UINT64_MAX - (value >> 8 & 4095);
    default:
        return draw();
    }
}

/* The header, the tables of rows, knobs and classes behind it, the records. */
static void change(void) {
    static const unsigned char widths[] = {1, 2, 4, 8};
    size_t width = widths[draw() & 3], from = sizeof(struct hak_stats_header), end = copy_bytes;
    uint64_t value = evil_value(), where = draw() % 8;
    if (where == 0)
        from = 0, end = sizeof(struct hak_stats_header);
    else if (where < 5)
        end = from * 40 < end ? from * 40 : end;
    size_t at = from + draw() % ((end - from) / width) * width;
    if (draw() % 16 == 0)
        memcpy(copy + at % (copy_bytes - 8), "\033]0;%n%s", 8);
    else
        memcpy(copy + at, &value, width);
}

/* Nothing of what a process wrote may steer a terminal. */
static void check_shown(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)text[i] < 32 && text[i] != '\n') {
            fprintf(stderr, "a control character is shown: %d at %zu\n", text[i], i);
            abort();
        }
}

static void show(const struct hak_snapshot *snapshot) {
    static char text[OUT_BYTES];
    FILE *out = fmemopen(text, sizeof text, "w");
    struct hak_show look = {.out = out, .columns = 80};
    hak_show_process(&look, snapshot);
    hak_show_threads(&look, snapshot);
    hak_show_classes(&look, snapshot);
    hak_show_waste(&look, snapshot);
    hak_show_json(out, snapshot);
    hak_show_prometheus(out, snapshot, 1);
    hak_show_csv(out, snapshot);
    long bytes = ftell(out);
    fclose(out);
    check_shown(text, bytes > 0 ? (size_t)bytes : 0);
}

static void play_round(void) {
    struct hak_snapshot snapshot;
    unsigned changes = 1 + (unsigned)(draw() % MOST_CHANGES);
    memcpy(copy, original, copy_bytes);
    while (changes--)
        change();
    if (hak_snapshot_take(&snapshot, getpid()) == HAK_STAT_OK) {
        taken++;
        show(&snapshot);
        hak_snapshot_free(&snapshot);
    } else {
        refused++;
    }
}

int main(int count, char **arguments) {
    if (count != 4 || !read_original((pid_t)atoi(arguments[1])))
        return 2;
    random_state = strtoull(arguments[2], NULL, 0) | 1;
    for (unsigned long round = strtoul(arguments[3], NULL, 0); round; round--)
        play_round();
    printf("%zu bytes; %lu snapshots taken, %lu refused\n", copy_bytes, taken, refused);
    return taken && refused ? 0 : 1;
}

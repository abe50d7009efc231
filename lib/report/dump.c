/* SPDX-License-Identifier: MIT */
/*
 * Owns the lines. A text is written in pieces of a stack buffer's size, each ending with a line.
 */
#include "report/dump.h"

#include "base/format.h"
#include "conf/conf.h"
#include "os/os_fatal.h"
#include "os/os_file.h"
#include "os/os_share.h"
#include "report/totals.h"

#define LINE_ROOM 160u

struct writer {
    struct hak_buffer text;
    char storage[1024];
    int descriptor;
    int error;
};

static void write_out(struct writer *writer) {
    if (!writer->error)
        writer->error = hak_os_write(writer->descriptor, writer->text.text, writer->text.length);
    hak_buffer_init(&writer->text, writer->storage, sizeof writer->storage);
}

static void put_row(struct hak_buffer *line, const char *name, uint64_t value, const char *unit) {
    hak_put_text(line, name);
    hak_put_char(line, ' ');
    hak_put_decimal(line, value);
    hak_put_char(line, ' ');
    hak_put_text(line, unit);
}

static void write_row(void *context, const char *name, const char *unit, uint64_t value) {
    struct writer *writer = context;
    put_row(&writer->text, name, value, unit);
    hak_put_char(&writer->text, '\n');
    if (writer->text.length > sizeof writer->storage - LINE_ROOM)
        write_out(writer);
}

int hak_dump_write(int descriptor) {
    struct hak_totals totals;
    struct writer writer = {.descriptor = descriptor};
    hak_totals_sum(&totals);
    hak_buffer_init(&writer.text, writer.storage, sizeof writer.storage);
    write_row(&writer, "pid", "", (uint64_t)hak_share_pid());
    hak_totals_each(&totals, write_row, &writer);
    write_out(&writer);
    return writer.error;
}

static void log_row(void *context, const char *name, const char *unit, uint64_t value) {
    char storage[LINE_ROOM];
    struct hak_buffer line;
    (void)context;
    hak_buffer_init(&line, storage, sizeof storage);
    hak_put_text(&line, "hakmem: ");
    put_row(&line, name, value, unit);
    hak_log_line(&line);
}

void hak_dump_log(void) {
    struct hak_totals totals;
    hak_totals_sum(&totals);
    hak_totals_each(&totals, log_row, NULL);
}

static void put_path(struct hak_buffer *path, const char *pattern) {
    for (; *pattern; pattern++) {
        if (pattern[0] == '%' && pattern[1] == 'p') {
            hak_put_decimal(path, (uint64_t)hak_share_pid());
            pattern++;
        } else {
            hak_put_char(path, *pattern);
        }
    }
}

static void complain(const char *path) {
    char storage[LINE_ROOM + 256];
    struct hak_buffer line;
    if (!hak_conf.log)
        return;
    hak_buffer_init(&line, storage, sizeof storage);
    hak_put_text(&line, "hakmem: stats_file cannot be written: ");
    hak_put_text(&line, path);
    hak_log_line(&line);
}

void hak_dump_at_exit(void) {
    const char *pattern = (const char *)(uintptr_t)hak_conf.stats_file;
    char storage[512];
    struct hak_buffer path;
    uint64_t number;
    if (!pattern)
        return;
    if (hak_conf_parse(HAK_KNOB_COUNT, "", pattern, &number) && number < 65536) {
        if (hak_dump_write((int)number))
            complain(pattern);
        return;
    }
    hak_buffer_init(&path, storage, sizeof storage);
    put_path(&path, pattern);
    int descriptor = hak_os_open_append(path.text);
    if (descriptor < 0 || hak_dump_write(descriptor))
        complain(path.text);
    if (descriptor >= 0)
        hak_os_close(descriptor);
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the fatal report and the log line. Any thread may call, in any state: nothing here locks or
 * allocates. Invariant: a report is one line, or one block of lines where more is known, written
 * by one write(2).
 */
#include "os/os_fatal.h"

#include "os/os_call.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void (*hak_fatal_prelude)(void);

/* Arrays, not pointers: those would have to be relocated at each start. */
struct fatal_text {
    char code[24];
    char message[72];
    char advice[160];
};

static const struct fatal_text fatal_texts[] = {
#define HAK_FATAL(code, message, advice) {#code, message, advice},
#include "os/fatals.def"
#undef HAK_FATAL
};

_Static_assert(sizeof fatal_texts / sizeof fatal_texts[0] == HAK_FATAL_COUNT, "one text a code");

void hak_log_line(struct hak_buffer *buffer) {
    int saved_errno = errno;
    if (buffer->length + 1 >= buffer->capacity)
        buffer->length = buffer->capacity - 2;
    buffer->text[buffer->length] = '\n';
    ssize_t written = hak_os_raw_write(STDERR_FILENO, buffer->text, buffer->length + 1);
    (void)written;
    buffer->text[buffer->length] = '\0';
    errno = saved_errno;
}

static void put_code(struct hak_buffer *line, const char *code) {
    for (; *code; code++)
        hak_put_char(line, *code == '_' ? '-' : (char)(*code | 0x20));
}

void hak_fatal_begin(struct hak_buffer *line, enum hak_fatal_code code, const void *pointer,
                     size_t class_bytes, int owner_tid) {
    if (hak_fatal_prelude)
        hak_fatal_prelude();
    hak_put_text(line, "hakmem: fatal: ");
    put_code(line, fatal_texts[code].code);
    hak_put_text(line, ": ");
    hak_put_text(line, fatal_texts[code].message);
    hak_put_text(line, " (pointer ");
    hak_put_hex(line, (uintptr_t)pointer);
    hak_put_text(line, ", size class ");
    if (class_bytes)
        hak_put_decimal(line, class_bytes);
    else
        hak_put_char(line, '?');
    hak_put_text(line, ", owner thread ");
    if (owner_tid != HAK_NO_THREAD)
        hak_put_signed(line, owner_tid);
    else
        hak_put_text(line, "none");
    hak_put_text(line, "): ");
    hak_put_text(line, fatal_texts[code].advice);
}

void hak_fatal_end(struct hak_buffer *text) {
    hak_log_line(text);
    abort();
}

void hak_fatal(enum hak_fatal_code code, const void *pointer, size_t class_bytes, int owner_tid) {
    char storage[400];
    struct hak_buffer line;
    hak_buffer_init(&line, storage, sizeof storage);
    hak_fatal_begin(&line, code, pointer, class_bytes, owner_tid);
    hak_fatal_end(&line);
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the conversions of numbers to text. Called by every layer that reports; pure, so any thread
 * may call it in any state. Invariant: length < capacity and text[length] is NUL.
 */
#include "base/format.h"

void hak_buffer_init(struct hak_buffer *buffer, char *storage, size_t capacity) {
    buffer->text = storage;
    buffer->capacity = capacity;
    buffer->length = 0;
    storage[0] = '\0';
}

void hak_put_char(struct hak_buffer *buffer, char c) {
    if (buffer->length + 1 >= buffer->capacity)
        return;
    buffer->text[buffer->length++] = c;
    buffer->text[buffer->length] = '\0';
}

void hak_put_text(struct hak_buffer *buffer, const char *text) {
    while (*text)
        hak_put_char(buffer, *text++);
}

static void put_in_base(struct hak_buffer *buffer, uint64_t value, unsigned base) {
    char digits[24];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (count != 0)
        hak_put_char(buffer, digits[--count]);
}

void hak_put_decimal(struct hak_buffer *buffer, uint64_t value) {
    put_in_base(buffer, value, 10);
}

void hak_put_signed(struct hak_buffer *buffer, int64_t value) {
    if (value < 0)
        hak_put_char(buffer, '-');
    put_in_base(buffer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10);
}

void hak_put_hex(struct hak_buffer *buffer, uint64_t value) {
    hak_put_text(buffer, "0x");
    put_in_base(buffer, value, 16);
}

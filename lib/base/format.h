/* SPDX-License-Identifier: MIT */
/*
 * Owns text formatting into a caller's buffer: no stdio, no locale, no allocation, so it may be
 * used in a fatal report and before libc is ready. Text that doesn't fit is cut; the buffer is
 * always a terminated string. A buffer belongs to the thread that made it.
 */
#ifndef HAK_BASE_FORMAT_H
#define HAK_BASE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

struct hak_buffer {
    char *text;      /* always terminated by NUL */
    size_t capacity; /* bytes at text, the NUL included; at least 1 */
    size_t length;   /* bytes written, without the NUL; < capacity */
};

void hak_buffer_init(struct hak_buffer *buffer, char *storage, size_t capacity);
void hak_put_text(struct hak_buffer *buffer, const char *text);
void hak_put_char(struct hak_buffer *buffer, char c);
void hak_put_decimal(struct hak_buffer *buffer, uint64_t value);
void hak_put_signed(struct hak_buffer *buffer, int64_t value);
void hak_put_hex(struct hak_buffer *buffer, uint64_t value); /* with 0x in front */

#endif

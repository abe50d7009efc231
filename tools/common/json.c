/* SPDX-License-Identifier: MIT */
/*
 * Owns strings of JSON (RFC 8259): quotes, controls, and nothing but UTF-8.
 */
#include "common/json.h"

/* Bytes of the UTF-8 character at `at`; 0: there is none. */
static unsigned character_bytes(const unsigned char *at) {
    static const struct {
        unsigned char mask, lead, least, most; /* of the first byte; range of the second */
        unsigned bytes;
    } forms[] = {{0x80, 0x00, 0x00, 0x00, 1}, {0xE0, 0xC0, 0x80, 0xBF, 2},
                 {0xFF, 0xE0, 0xA0, 0xBF, 3}, {0xFF, 0xED, 0x80, 0x9F, 3},
                 {0xF0, 0xE0, 0x80, 0xBF, 3}, {0xFF, 0xF0, 0x90, 0xBF, 4},
                 {0xFF, 0xF4, 0x80, 0x8F, 4}, {0xFC, 0xF0, 0x80, 0xBF, 4}};
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if ((*at & forms[i].mask) != forms[i].lead || *at == 0xC0 || *at == 0xC1)
            continue;
        if (forms[i].bytes == 1)
            return 1;
        if (at[1] < forms[i].least || at[1] > forms[i].most)
            return 0;
        for (unsigned k = 2; k < forms[i].bytes; k++)
            if ((at[k] & 0xC0) != 0x80)
                return 0;
        return forms[i].bytes;
    }
    return 0;
}

void hak_json_text(FILE *out, const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    putc('"', out);
    while (*at) {
        unsigned bytes = character_bytes(at);
        if (bytes == 0) {
            putc('?', out);
            at++;
        } else if (*at < ' ' || *at == 0x7F) {
            fprintf(out, "\\u%04x", *at++);
        } else {
            if (*at == '"' || *at == '\\')
                putc('\\', out);
            fwrite(at, 1, bytes, out);
            at += bytes;
        }
    }
    putc('"', out);
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the comparison of names that are nearly equal. Pure; it may run before libc is ready.
 */
#include "conf/conf.h"

#define NAME_MAX_CHARS HAK_KNOB_NAME_CHARS /* longer names are cut before they are compared */

static char to_upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static unsigned smaller(unsigned a, unsigned b) {
    return a < b ? a : b;
}

static size_t cut_length(const char *text) {
    size_t length = 0;
    while (length < NAME_MAX_CHARS && text[length] != '\0' && text[length] != '=')
        length++;
    return length;
}

unsigned hak_conf_distance(const char *given, const char *name) {
    uint8_t rows[3][NAME_MAX_CHARS + 1]; /* two before, the one before, this */
    uint8_t *older = rows[0], *old = rows[1], *now = rows[2];
    size_t given_length = cut_length(given), name_length = cut_length(name);
    for (size_t j = 0; j <= name_length; j++)
        old[j] = (uint8_t)j;
    for (size_t i = 1; i <= given_length; i++) {
        now[0] = (uint8_t)i;
        for (size_t j = 1; j <= name_length; j++) {
            char x = to_upper(given[i - 1]), y = to_upper(name[j - 1]);
            unsigned best = smaller(old[j] + 1u, now[j - 1] + 1u);
            best = smaller(best, old[j - 1] + (x == y ? 0u : 1u));
            if (i > 1 && j > 1 && x == to_upper(name[j - 2]) && to_upper(given[i - 2]) == y)
                best = smaller(best, older[j - 2] + 1u);
            now[j] = (uint8_t)best;
        }
        uint8_t *spare = older;
        older = old;
        old = now;
        now = spare;
    }
    unsigned least = UINT32_MAX;
    for (size_t j = 0; j <= name_length; j++)
        least = smaller(least, 2u * old[j] + (unsigned)(name_length - j));
    return least;
}

/* Three letters in five may be wrong: DRITY is offered DIRTY_MIN, and FOO is not offered LOG. */
bool hak_conf_is_near(const char *given, unsigned distance) {
    return 5 * distance <= 6 * cut_length(given);
}

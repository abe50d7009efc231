/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of the list's text. It need not end with a newline and is not changed.
 */
#include "conf/deny.h"

#include <fnmatch.h>
#include <string.h>

#define BLANKS " \t\r"

struct line {
    const char *text;
    size_t length; /* without comment and blanks */
};

/* Takes the next line off the list; false: there is none. */
static bool next_line(const char **list, const char *end, struct line *line) {
    if (*list >= end)
        return false;
    const char *newline = memchr(*list, '\n', (size_t)(end - *list));
    const char *stop = newline ? newline : end;
    const char *comment = memchr(*list, '#', (size_t)(stop - *list));
    line->text = *list;
    *list = stop + 1;
    if (comment)
        stop = comment;
    while (line->text < stop && *line->text && strchr(BLANKS, *line->text))
        line->text++;
    while (stop > line->text && stop[-1] && strchr(BLANKS, stop[-1]))
        stop--;
    line->length = (size_t)(stop - line->text);
    return true;
}

static bool fits(const char *pattern, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *subject = strchr(pattern, '/') || !slash ? path : slash + 1;
    return fnmatch(pattern, subject, 0) == 0;
}

unsigned hak_deny_line(const char *list, size_t bytes, const char *const *paths) {
    char pattern[HAK_DENY_PATTERN_CHARS];
    const char *end = list + bytes;
    struct line line;
    for (unsigned number = 1; next_line(&list, end, &line); number++) {
        if (line.length == 0 || line.length >= sizeof pattern)
            continue;
        memcpy(pattern, line.text, line.length);
        pattern[line.length] = '\0';
        for (const char *const *path = paths; *path; path++)
            if (fits(pattern, *path))
                return number;
    }
    return 0;
}

bool hak_deny_has_patterns(const char *list, size_t bytes) {
    const char *end = list + bytes;
    struct line line;
    while (next_line(&list, end, &line))
        if (line.length)
            return true;
    return false;
}

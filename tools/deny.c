/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of the deny list. A list that isn't there denies nothing; one that can't be read
 * is complained of.
 */
#define _GNU_SOURCE
#include "deny.h"

#include "message.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fits(const char *pattern, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *subject = strchr(pattern, '/') || !slash ? path : slash + 1;
    return fnmatch(pattern, subject, 0) == 0;
}

/* A path as it was found, and what it comes to without links. */
static bool fits_either(const char *pattern, const char *path) {
    char real[PATH_MAX];
    return fits(pattern, path) || (realpath(path, real) && fits(pattern, real));
}

/* Cuts comment and blanks; an empty text: no pattern. */
static char *pattern_in(char *line) {
    line[strcspn(line, "#\n")] = '\0';
    line += strspn(line, " \t\r");
    size_t length = strlen(line);
    while (length && strchr(" \t\r", line[length - 1]))
        line[--length] = '\0';
    return line;
}

void hak_deny(struct hak_program *program) {
    const char *named = getenv("HAKMEM_DENY");
    const char *path = named && *named ? named : HAK_DENY_LIST;
    char *line = NULL;
    size_t capacity = 0;
    FILE *list = fopen(path, "re");
    if (!list && (errno != ENOENT || path == named))
        hak_complain("%s: %s", path, strerror(errno));
    for (unsigned number = 1; list && getline(&line, &capacity, list) > 0; number++) {
        const char *pattern = pattern_in(line);
        if (*pattern == '\0' ||
            !(fits_either(pattern, program->path) || fits_either(pattern, program->judged)))
            continue;
        snprintf(program->obstacle_text, sizeof program->obstacle_text,
                 "is on the deny list (%.100s, line %u)", path, number);
        program->obstacle = program->obstacle_text;
        break;
    }
    if (list)
        fclose(list);
    free(line);
}

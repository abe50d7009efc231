/* SPDX-License-Identifier: MIT */
/*
 * Owns the search for the list. One that isn't there denies nothing; one that can't be read is
 * complained of.
 */
#define _GNU_SOURCE
#include "run/deny.h"

#include "common/complain.h"
#include "conf/deny.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_BYTES_MOST (1u << 20)

/* The text of the list, or NULL. */
static char *read_list(const char *path, bool must_be_there, size_t *ret_bytes) {
    FILE *file = fopen(path, "re");
    if (!file) {
        if (errno != ENOENT || must_be_there)
            hak_complain("%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = malloc(LIST_BYTES_MOST);
    *ret_bytes = text ? fread(text, 1, LIST_BYTES_MOST, file) : 0;
    if (ferror(file))
        hak_complain("%s: %s", path, strerror(errno));
    fclose(file);
    return text;
}

/* The line that fits the file, as it was found or as it comes to without links; 0: none does. */
static unsigned denying_line(const char *list, size_t bytes, const char *path) {
    char real[PATH_MAX];
    const char *const paths[] = {path, realpath(path, real), NULL};
    return hak_deny_line(list, bytes, paths);
}

void hak_deny(struct hak_program *program, bool is_handed_on) {
    const char *named = getenv("HAKMEM_DENY");
    const char *path = named && *named ? named : HAK_DENY_LIST;
    size_t bytes;
    char *list = read_list(path, path == named, &bytes);
    if (!list)
        return;
    unsigned line = denying_line(list, bytes, program->path);
    /* A script that is on the list itself is what is complained of, not its interpreter. */
    if (line && strcmp(program->path, program->judged) != 0)
        program->is_interpreted = false;
    if (!line)
        line = denying_line(list, bytes, program->judged);
    if (line) {
        snprintf(program->obstacle_text, sizeof program->obstacle_text,
                 "is on the deny list (%.100s, line %u)", path, line);
        program->obstacle = program->obstacle_text;
    } else if (is_handed_on && path != named && hak_deny_has_patterns(list, bytes)) {
        setenv("HAKMEM_DENY", path, 1);
    }
    free(list);
}

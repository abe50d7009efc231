/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of what LD_DEBUG=bindings writes (see ld.so(8)).
 */
#define _GNU_SOURCE
#include "compare/binding.h"

#include "common/elf.h"
#include "run/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "ld"

static char folder[PATH_MAX]; /* empty: none */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int hak_binding_begin(void) {
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder - 32, "%s/hakmem-run.XXXXXX",
             parent && *parent ? parent : "/tmp");
    if (mkdtemp(folder))
        return 0;
    folder[0] = '\0';
    return errno;
}

void hak_binding_ask(void) {
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/" PREFIX, folder);
    setenv("LD_DEBUG", "bindings", 1);
    setenv("LD_DEBUG_OUTPUT", path, 1);
}

/* `binding file ASKING [0] to GIVING [0]: normal symbol `NAME'...`; cuts the line. */
static bool cut_line(char *line, char **asking, char **giving, char **name) {
    char *at = strstr(line, "binding file ");
    if (!at)
        return false;
    *asking = at + strlen("binding file ");
    char *middle = strstr(*asking, "] to ");
    char *symbol = strstr(*asking, " symbol `");
    if (!middle || !symbol || middle > symbol)
        return false;
    *giving = middle + strlen("] to ");
    *name = symbol + strlen(" symbol `");
    (*asking)[strcspn(*asking, "[")] = '\0';
    (*giving)[strcspn(*giving, "[")] = '\0';
    (*name)[strcspn(*name, "'")] = '\0';
    for (char **text = asking;; text = giving) {
        size_t length = strlen(*text);
        if (length && (*text)[length - 1] == ' ')
            (*text)[length - 1] = '\0';
        if (text == giving)
            return true;
    }
}

/*
 * A program at a fixed address that takes malloc's address gives its own stub for it to everybody,
 * but that is no malloc: the symbol is undefined there.
 */
static bool is_stub(const char *giving, const char *library) {
    char path[PATH_MAX];
    struct hak_elf_facts facts;
    const char *name = base_name(giving);
    if (strcmp(name, base_name(library)) == 0 || strncmp(name, "libc.so", 7) == 0 ||
        hak_program_find(giving, path) != 0)
        return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    hak_elf_read(file, &facts);
    close(file);
    return facts.is_for_this_machine && !facts.defines_malloc;
}

void hak_binding_read(pid_t pid, const char *library, struct hak_binding *ret_binding) {
    char path[PATH_MAX + 32], *line = NULL, *asking, *giving, *name;
    size_t capacity = 0;
    bool is_served = false;
    memset(ret_binding, 0, sizeof *ret_binding);
    snprintf(path, sizeof path, "%s/" PREFIX ".%ld", folder, (long)pid);
    FILE *file = fopen(path, "re");
    while (file && getline(&line, &capacity, file) > 0) {
        if (!strstr(line, "lloc'") || !cut_line(line, &asking, &giving, &name))
            continue;
        if (strcmp(name, "malloc") != 0 && strcmp(name, "calloc") != 0 &&
            strcmp(name, "realloc") != 0)
            continue;
        if (is_stub(giving, library))
            continue;
        if (strcmp(base_name(giving), base_name(library)) == 0)
            is_served = true;
        else if (!ret_binding->other[0])
            snprintf(ret_binding->other, sizeof ret_binding->other, "%s", base_name(giving));
    }
    if (file)
        fclose(file);
    free(line);
    bool has_other = ret_binding->other[0] != '\0';
    ret_binding->proof = is_served   ? (has_other ? HAK_PROOF_PARTLY : HAK_PROOF_WHOLE)
                         : has_other ? HAK_PROOF_WRONG
                                     : HAK_PROOF_NONE;
}

void hak_binding_end(void) {
    char path[PATH_MAX + 300];
    const struct dirent *entry;
    DIR *files = folder[0] ? opendir(folder) : NULL;
    while (files && (entry = readdir(files))) {
        if (strncmp(entry->d_name, PREFIX ".", sizeof PREFIX) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (files)
        closedir(files);
    if (folder[0])
        rmdir(folder);
    folder[0] = '\0';
}

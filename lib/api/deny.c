/* SPDX-License-Identifier: MIT */
/*
 * Owns the second start. Nothing is allocated. Invariant: the program is started again only with
 * us taken out of LD_PRELOAD, so never twice; if that can't be done it goes on with us.
 */
#define _GNU_SOURCE
#include "api/deny.h"

#include "conf/deny.h"
#include "os/os_env.h"
#include "os/os_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PRELOAD "LD_PRELOAD="
#define LIST "HAKMEM_DENY="
#define SEPARATORS ": "
#define PATH_CHARS 4096u

static char **find_entry(const char *prefix) {
    for (char **entry = environ; entry && *entry; entry++)
        if (strncmp(*entry, prefix, strlen(prefix)) == 0)
            return entry;
    return NULL;
}

static bool is_ours(const char *entry, size_t length) {
    static const char name[] = "libhakmem.so";
    const char *found = memmem(entry, length, name, sizeof name - 1);
    return found && (found == entry || found[-1] == '/');
}

/* LD_PRELOAD without us. False: we aren't in it, or it is too long. */
static bool without_us(const char *preload, char *changed, size_t capacity) {
    size_t used = sizeof PRELOAD - 1;
    bool is_there = false;
    if (strlen(preload) >= capacity)
        return false;
    memcpy(changed, PRELOAD, used);
    for (const char *at = preload + used; *at;) {
        size_t length = strcspn(at, SEPARATORS);
        if (is_ours(at, length)) {
            is_there = true;
        } else if (length) {
            if (used > sizeof PRELOAD - 1)
                changed[used++] = ':';
            memcpy(changed + used, at, length);
            used += length;
        }
        at += length + (at[length] != '\0');
    }
    changed[used] = '\0';
    return is_there;
}

static bool is_denied(const char *list_path, const char *program) {
    const char *const paths[] = {program, hak_env_program_path(), NULL};
    size_t bytes;
    const char *list = hak_os_map_file(list_path, &bytes);
    bool is_on_list = list && hak_deny_line(list, bytes, paths) != 0;
    if (list)
        hak_os_unmap_file(list, bytes);
    return is_on_list;
}

/* Not inlined: its buffers would cost every start two pages of stack. */
HAK_COLD static void start_again(const char *list, char **preload, char **arguments) {
    char changed[PATH_CHARS], program[PATH_CHARS];
    if (!without_us(*preload, changed, sizeof changed) ||
        !hak_os_read_link("/proc/self/exe", program, sizeof program) || !is_denied(list, program))
        return;
    int saved_errno = errno;
    char *saved = *preload;
    *preload = changed;
    execve(program, arguments, environ);
    *preload = saved;
    errno = saved_errno;
}

void hak_init_deny(char **arguments) {
    char **list = find_entry(LIST);
    char **preload = list && !hak_env_is_secure() ? find_entry(PRELOAD) : NULL;
    if (preload)
        start_again(*list + sizeof LIST - 1, preload, arguments);
}

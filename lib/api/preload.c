/* SPDX-License-Identifier: MIT */
/*
 * Owns the removal of hakmem-run's variables from environ. Runs in the library's constructor,
 * alone. Invariant: environ stays one block, in its old order, ended by NULL; nothing is allocated:
 * the restored LD_PRELOAD lies within the string that told us about it.
 */
#define _GNU_SOURCE
#include "api/preload.h"

#include "os/os_env.h"

#include <string.h>
#include <unistd.h>

#define MARKER "HAKMEM_NO_INHERIT="
#define PRELOAD "LD_PRELOAD="
#define KNOB "HAKMEM_"

_Static_assert(sizeof MARKER >= sizeof PRELOAD, "LD_PRELOAD= is written over HAKMEM_NO_INHERIT=");

static bool starts_with(const char *text, const char *prefix, size_t length) {
    return strncmp(text, prefix, length) == 0;
}

static char *find_entry(const char *prefix) {
    for (char **entry = environ; entry && *entry; entry++) {
        if (starts_with(*entry, prefix, strlen(prefix)))
            return *entry;
    }
    return NULL;
}

/* Removes each entry `prefix` + `name` + `=`. */
static void remove_entries(const char *prefix, const char *name, size_t name_length) {
    size_t prefix_length = strlen(prefix);
    char **kept = environ;
    for (char **entry = environ; *entry; entry++) {
        bool is_it = starts_with(*entry, prefix, prefix_length) &&
                     starts_with(*entry + prefix_length, name, name_length) &&
                     (*entry)[prefix_length + name_length] == '=';
        if (!is_it)
            *kept++ = *entry;
    }
    *kept = NULL;
}

static void remove_knobs(const char *names, const char *end) {
    while (names < end) {
        const char *comma = memchr(names, ',', (size_t)(end - names));
        const char *name_end = comma ? comma : end;
        remove_entries(KNOB, names, (size_t)(name_end - names));
        names = name_end + 1;
    }
}

/* `value` is what follows the last `=` of the marker; the text before it is not needed any more. */
static void restore_value(char *value) {
    char *restored = value - (sizeof PRELOAD - 1);
    for (char **entry = environ; *entry; entry++) {
        if (starts_with(*entry, PRELOAD, sizeof PRELOAD - 1)) {
            memcpy(restored, PRELOAD, sizeof PRELOAD - 1);
            *entry = restored;
            return;
        }
    }
}

void hak_init_restore_preload(void) {
    char *marker = hak_env_is_secure() ? NULL : find_entry(MARKER);
    if (!marker)
        return;
    char *names = marker + sizeof MARKER - 1;
    char *equals = strchr(names, '=');
    remove_entries("", MARKER, sizeof MARKER - 2);
    remove_knobs(names, equals ? equals : names + strlen(names));
    if (equals)
        restore_value(equals + 1);
    else
        remove_entries("", PRELOAD, sizeof PRELOAD - 2);
}

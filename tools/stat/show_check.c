/* SPDX-License-Identifier: MIT */
/*
 * Owns --check: does the process run on libhakmem, wholly or in part, and with which knobs. Partly
 * means that some of its code may allocate elsewhere: the program has a malloc of its own, or
 * plugins may bind deeply. Another allocator's library says little: its malloc gives way to ours.
 * Stateless.
 */
#define _GNU_SOURCE
#include "common/elf.h"
#include "common/proc.h"
#include "stat/show.h"
#include "stat/target.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { CHECK_IN_USE = 0, CHECK_NOT = 1, CHECK_PARTLY = 2 };

static const char *other_allocator(pid_t pid) {
    static const char *const names[] = {"libjemalloc", "libtcmalloc", "libmimalloc", "libsnmalloc",
                                        "libasan",     "libtsan",     "libmsan",     "libscudo"};
    struct hak_mapping mapping;
    const char *found = NULL;
    FILE *maps = hak_proc_open(pid, "maps");
    while (maps && !found && hak_proc_mapping(maps, &mapping))
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (strstr(mapping.path, names[i]))
                found = names[i];
    if (maps)
        fclose(maps);
    return found;
}

static bool program_has_malloc(pid_t pid) {
    char path[64];
    struct hak_elf_facts facts = {.is_elf = false};
    snprintf(path, sizeof path, "/proc/%ld/exe", (long)pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    hak_elf_read(file, &facts);
    close(file);
    return facts.is_elf && facts.defines_malloc;
}

static const char *knob_value(const struct hak_snapshot *snapshot, const char *name) {
    for (unsigned i = 0; i < snapshot->knob_count; i++)
        if (strcmp(snapshot->knobs[i].name, name) == 0)
            return snapshot->knobs[i].value;
    return "";
}

/* Why some of the process may allocate elsewhere; NULL: nothing says so. */
static const char *partly(const struct hak_snapshot *snapshot) {
    if (snapshot->has_library && program_has_malloc(snapshot->pid))
        return "the program defines a malloc of its own";
    if (strcmp(knob_value(snapshot, "deepbind"), "yes") == 0)
        return "plugins may be bound to libc's malloc (HAKMEM_DEEPBIND)";
    return NULL;
}

static void print_knobs(FILE *out, const struct hak_snapshot *snapshot) {
    for (unsigned i = 0; i < snapshot->knob_count; i++) {
        const struct hak_stats_knob *knob = &snapshot->knobs[i];
        fprintf(out, "  %-14s %-12s %s\n", knob->name, knob->value,
                knob->source == HAK_SOURCE_ENVIRONMENT ? "environment" : "default");
    }
}

int hak_show_check(FILE *out, pid_t pid) {
    struct hak_snapshot snapshot;
    char name[24], program[32];
    snprintf(name, sizeof name, "%ld", (long)pid);
    hak_proc_name(pid, program, sizeof program);
    enum hak_stat_error error = hak_snapshot_take(&snapshot, pid);
    if (error == HAK_STAT_NO_HAKMEM) {
        fprintf(out, "%s (PID %ld): not on libhakmem%s\n", program, (long)pid,
                snapshot.has_library ? ", although it is loaded: nothing has called it" : "");
        return snapshot.has_library ? CHECK_PARTLY : CHECK_NOT;
    }
    if (error != HAK_STAT_OK)
        return hak_target_complain(name, error);
    const char *reason = partly(&snapshot);
    fprintf(out, "%s (PID %ld): %son libhakmem %s%s%s\n", snapshot.program, (long)pid,
            reason ? "partly " : "", snapshot.header.version, reason ? ": " : "",
            reason ? reason : "");
    fprintf(out, "  OS page %u bytes, %u size classes, counters %s\n", snapshot.header.page_bytes,
            snapshot.class_count - 1,
            snapshot.way == HAK_WAY_MEMORY ? "in its memory" : "shared (HAKMEM_STATS)");
    const char *other = other_allocator(pid);
    if (other)
        fprintf(out, "  %s is in the process, too\n", other);
    print_knobs(out, &snapshot);
    hak_snapshot_free(&snapshot);
    return reason ? CHECK_PARTLY : CHECK_IN_USE;
}

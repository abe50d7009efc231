/* SPDX-License-Identifier: MIT */
/*
 * The checks of knobs against each other and against the machine. No state.
 */
#define _GNU_SOURCE
#include "run/knob_check.h"

#include "common/complain.h"
#include "common/output.h"
#include "conf/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint64_t machine_bytes(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : UINT64_MAX;
}

/* Percentages of the same memory compare as they are; of one and the other nothing is known here.
 */
static void check_limits(void) {
    bool is_percent = hak_conf_is_percent(HAK_KNOB_LIMIT, hak_conf.soft_limit);
    if (hak_conf.soft_limit && hak_conf.hard_limit &&
        is_percent == hak_conf_is_percent(HAK_KNOB_LIMIT, hak_conf.hard_limit) &&
        hak_conf.soft_limit > hak_conf.hard_limit)
        hak_complain("soft_limit is above hard_limit, which is met first: it has no effect");
}

static void check_prealloc(void) {
    uint64_t whole = machine_bytes();
    if (hak_conf.prealloc > whole)
        hak_complain("prealloc=%s is more than the machine's memory, which is %s",
                     hak_output_size(hak_conf.prealloc), hak_output_size(whole));
    else if (hak_conf.hard_limit && !hak_conf_is_percent(HAK_KNOB_LIMIT, hak_conf.hard_limit) &&
             hak_conf.prealloc > hak_conf.hard_limit)
        hak_complain("prealloc=%s is more than hard_limit allows, which is %s",
                     hak_output_size(hak_conf.prealloc), hak_output_size(hak_conf.hard_limit));
}

/* A path, in whose name %p becomes a process ID, or the number of a descriptor. */
static void check_stats_file(void) {
    const char *pattern = (const char *)(uintptr_t)hak_conf.stats_file;
    char folder[PATH_MAX];
    if (!pattern || pattern[strspn(pattern, "0123456789")] == '\0' ||
        strlen(pattern) >= sizeof folder)
        return;
    strcpy(folder, pattern);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    bool is_there = access(pattern, F_OK) == 0;
    if (access(is_there ? pattern : slash ? folder : ".", W_OK) != 0)
        hak_complain("stats_file=%s cannot be written: %s", pattern, strerror(errno));
}

static const char *knob_name(const uint64_t *value) {
    return hak_knobs[value - (const uint64_t *)&hak_conf].name;
}

static bool is_set(const uint64_t *value) {
    return hak_conf_is_set((unsigned)(value - (const uint64_t *)&hak_conf));
}

/* Knobs that were set and that another one makes idle. */
static void check_idle(void) {
    const struct {
        const uint64_t *knob;
        bool is_idle;
        const char *because;
    } rules[] = {
        {&hak_conf.dirty_min, !hak_conf.purge, "purge=no"},
        {&hak_conf.dirty_percent, !hak_conf.purge, "purge=no"},
        {&hak_conf.lazy_purge, !hak_conf.purge, "purge=no"},
        {&hak_conf.quarantine_ms, !hak_conf.quarantine, "quarantine=0"},
        {&hak_conf.guard_slots, !hak_conf.guard_sample, "guard_sample=0"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (is_set(rules[i].knob) && *rules[i].knob && rules[i].is_idle)
            hak_complain("%s has no effect with %s", knob_name(rules[i].knob), rules[i].because);
}

void hak_knob_check(void) {
    check_limits();
    check_prealloc();
    check_stats_file();
    check_idle();
}

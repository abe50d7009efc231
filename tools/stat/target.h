/* SPDX-License-Identifier: MIT */
/*
 * Owns the way into another process: finds its counters and copies bytes out of them. Nothing that
 * the process says is believed: a read outside of what is there fails. One thread only.
 *
 * Ways, in this order: its shared segment (same user, or root); the file in memory that stands in
 * for it; its memory, where the kernel allows us to trace it.
 */
#ifndef HAK_TOOLS_STAT_TARGET_H
#define HAK_TOOLS_STAT_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* hakmem-stat's exit statuses. */
enum {
    HAK_EXIT_FAILED = 1,
    HAK_EXIT_USAGE = 2,
    HAK_EXIT_NO_HAKMEM = 3,
    HAK_EXIT_NO_RIGHT = 4,
    HAK_EXIT_OTHER_LAYOUT = 5,
    HAK_EXIT_NO_PROCESS = 6
};

enum hak_stat_error {
    HAK_STAT_OK = 0,
    HAK_STAT_FAILED,    /* out of memory and the like */
    HAK_STAT_NO_HAKMEM, /* not on libhakmem */
    HAK_STAT_NO_RIGHT,
    HAK_STAT_OTHER_LAYOUT,
    HAK_STAT_NO_PROCESS, /* there is none, or it died midway */
    HAK_STAT_BROKEN      /* the counters contradict themselves */
};

enum hak_target_way { HAK_WAY_SEGMENT, HAK_WAY_FILE, HAK_WAY_MEMORY };

struct hak_target {
    pid_t pid;
    pid_t inner_pid; /* as the process itself sees it, in its namespace */
    enum hak_target_way way;
    const char *segment; /* SEGMENT: mapped here, */
    uid_t maker;         /* made by this user */
    int file;            /* FILE: descriptor; else -1 */
    uint64_t base;       /* MEMORY: the header's address there */
    uint64_t bytes;      /* SEGMENT, FILE: size; MEMORY: no bound is known */
    bool has_library;    /* libhakmem is mapped, by name */
};

enum hak_stat_error hak_target_open(struct hak_target *target, pid_t pid);
void hak_target_close(struct hak_target *target);

/* Copies `bytes` from `offset` behind the header; false: not there. */
bool hak_target_read(const struct hak_target *target, uint64_t offset, void *buffer, size_t bytes);

/* Maps the page for wishes that the header named; NULL: can't. */
void *hak_target_control(const struct hak_target *target, int id);

/* Copies from an address of a process that we may trace; false: not there, or we may not. */
bool hak_target_read_process(pid_t pid, uint64_t address, void *buffer, size_t bytes);

/* Complains about the process; the exit status for it. */
int hak_target_complain(const char *operand, enum hak_stat_error error);

#endif

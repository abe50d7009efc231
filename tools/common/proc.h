/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of /proc/PID: mappings, names, IDs, limits. Text from there is another's: it is
 * cut to size and made printable. Stateless.
 */
#ifndef HAK_TOOLS_COMMON_PROC_H
#define HAK_TOOLS_COMMON_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct hak_mapping {
    uint64_t start, end, offset, inode;
    char rights[5];
    char path[512];
};

/* Opens /proc/PID/NAME; NULL, errno set. */
FILE *hak_proc_open(pid_t pid, const char *name);

/* True if the process is there (a zombie is not). */
bool hak_proc_lives(pid_t pid);

/* The next line of /proc/PID/maps; false: the end. */
bool hak_proc_mapping(FILE *maps, struct hak_mapping *ret_mapping);

/* The process's name (comm), printable; empty: none. */
void hak_proc_name(pid_t pid, char *name, size_t capacity);

/* The number behind `key` in /proc/PID/NAME, the last one of its line; -1: none. */
long long hak_proc_number(pid_t pid, const char *name, const char *key);

/* When the process began, in milliseconds since 1970; 0: unknown. */
uint64_t hak_proc_started_ms(pid_t pid);

/* Resident memory of the whole process; -1: unknown. */
long long hak_proc_rss_bytes(pid_t pid);

/* Names of threads, by the ID that they know themselves by. */
struct hak_proc_threads {
    size_t count;
    struct hak_proc_thread {
        int inner_id;
        char name[32];
    } * thread;
};

void hak_proc_threads_read(struct hak_proc_threads *threads, pid_t pid);
void hak_proc_threads_free(struct hak_proc_threads *threads);
const char *hak_proc_thread_name(const struct hak_proc_threads *threads, int inner_id);

/* Replaces what would drive a terminal or break a line. */
void hak_proc_make_printable(char *text);

/* Bytes of the control group's memory.max; UINT64_MAX: none known. */
uint64_t hak_proc_memory_limit(pid_t pid);

/* Soft limit of the address space; UINT64_MAX: none. */
uint64_t hak_proc_address_limit(pid_t pid);

#endif

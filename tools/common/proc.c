/* SPDX-License-Identifier: MIT */
/*
 * Owns the parsing of /proc. Nothing is kept.
 */
#define _GNU_SOURCE
#include "common/proc.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

FILE *hak_proc_open(pid_t pid, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
    return fopen(path, "re");
}

bool hak_proc_lives(pid_t pid) {
    char line[512];
    FILE *file = pid > 0 ? hak_proc_open(pid, "stat") : NULL;
    bool lives = file && fgets(line, sizeof line, file);
    if (file)
        fclose(file);
    const char *end = lives ? strrchr(line, ')') : NULL;
    return end && end[1] == ' ' && end[2] != 'Z' && end[2] != 'X';
}

void hak_proc_make_printable(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text >= 127)
            *text = '?';
}

bool hak_proc_mapping(FILE *maps, struct hak_mapping *ret_mapping) {
    char *line = NULL;
    size_t capacity = 0;
    int path = 0;
    ssize_t length = getline(&line, &capacity, maps);
    bool done = false;
    if (length > 0) {
        line[strcspn(line, "\n")] = '\0';
        done = sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64 " %n",
                      &ret_mapping->start, &ret_mapping->end, ret_mapping->rights,
                      &ret_mapping->offset, &ret_mapping->inode, &path) == 5;
        snprintf(ret_mapping->path, sizeof ret_mapping->path, "%s", done ? line + path : "");
    }
    free(line);
    return done;
}

static void read_first_line(FILE *file, char *text, size_t capacity) {
    *text = '\0';
    if (!file)
        return;
    if (!fgets(text, (int)capacity, file))
        *text = '\0';
    fclose(file);
    text[strcspn(text, "\n")] = '\0';
    hak_proc_make_printable(text);
}

void hak_proc_name(pid_t pid, char *name, size_t capacity) {
    read_first_line(hak_proc_open(pid, "comm"), name, capacity);
}

long long hak_proc_number(pid_t pid, const char *name, const char *key) {
    char line[256];
    long long number = -1;
    size_t length = strlen(key);
    FILE *file = hak_proc_open(pid, name);
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, length) != 0)
            continue;
        for (char *word = strtok(line + length, " \t\n"); word; word = strtok(NULL, " \t\n"))
            number = strtoll(word, NULL, 10);
        break;
    }
    if (file)
        fclose(file);
    return number;
}

/* Field 22 of stat counts clock ticks from the machine's start. */
uint64_t hak_proc_started_ms(pid_t pid) {
    enum { FIELD = 22, FIRST_AFTER_NAME = 3 };
    char line[1024];
    struct timespec since_boot, since_1970;
    FILE *file = hak_proc_open(pid, "stat");
    const char *at = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (file)
        fclose(file);
    for (int field = FIRST_AFTER_NAME; at && field <= FIELD; field++)
        at = strchr(at + 1, ' ');
    if (!at || clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0 ||
        clock_gettime(CLOCK_REALTIME, &since_1970) != 0)
        return 0;
    double ticks = strtod(at, NULL) / (double)sysconf(_SC_CLK_TCK);
    double age = (double)since_boot.tv_sec + (double)since_boot.tv_nsec / 1e9 - ticks;
    double now = (double)since_1970.tv_sec + (double)since_1970.tv_nsec / 1e9;
    return age >= 0 && age < now ? (uint64_t)((now - age) * 1e3) : 0;
}

long long hak_proc_rss_bytes(pid_t pid) {
    long long all, resident = -1;
    FILE *file = hak_proc_open(pid, "statm");
    if (file && fscanf(file, "%lld %lld", &all, &resident) != 2)
        resident = -1;
    if (file)
        fclose(file);
    return resident < 0 ? -1 : resident * sysconf(_SC_PAGESIZE);
}

static void add_thread(struct hak_proc_threads *threads, pid_t pid, const char *id) {
    char path[64];
    struct hak_proc_thread *grown =
        reallocarray(threads->thread, threads->count + 1, sizeof *grown);
    if (!grown)
        return;
    threads->thread = grown;
    struct hak_proc_thread *thread = &grown[threads->count];
    snprintf(path, sizeof path, "task/%.16s/comm", id);
    read_first_line(hak_proc_open(pid, path), thread->name, sizeof thread->name);
    snprintf(path, sizeof path, "task/%.16s/status", id);
    thread->inner_id = (int)hak_proc_number(pid, path, "NSpid:");
    if (thread->inner_id > 0)
        threads->count++;
}

void hak_proc_threads_read(struct hak_proc_threads *threads, pid_t pid) {
    char path[64];
    const struct dirent *entry;
    memset(threads, 0, sizeof *threads);
    snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    DIR *tasks = opendir(path);
    while (tasks && (entry = readdir(tasks)))
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            add_thread(threads, pid, entry->d_name);
    if (tasks)
        closedir(tasks);
}

void hak_proc_threads_free(struct hak_proc_threads *threads) {
    free(threads->thread);
    memset(threads, 0, sizeof *threads);
}

const char *hak_proc_thread_name(const struct hak_proc_threads *threads, int inner_id) {
    for (size_t i = 0; i < threads->count; i++)
        if (threads->thread[i].inner_id == inner_id)
            return threads->thread[i].name;
    return "";
}

/* Of version 2 of control groups; the least of the group and those around it isn't looked for. */
uint64_t hak_proc_memory_limit(pid_t pid) {
    char line[512], path[600];
    uint64_t limit = UINT64_MAX;
    FILE *groups = hak_proc_open(pid, "cgroup");
    while (groups && fgets(line, sizeof line, groups)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) != 0 || strstr(line, ".."))
            continue;
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", line + 3);
        FILE *file = fopen(path, "re");
        if (file && fscanf(file, "%" SCNu64, &limit) != 1)
            limit = UINT64_MAX;
        if (file)
            fclose(file);
    }
    if (groups)
        fclose(groups);
    return limit;
}

uint64_t hak_proc_address_limit(pid_t pid) {
    char line[256];
    uint64_t limit = UINT64_MAX;
    FILE *limits = hak_proc_open(pid, "limits");
    while (limits && fgets(line, sizeof line, limits))
        if (strncmp(line, "Max address space", 17) == 0 &&
            sscanf(line + 17, "%" SCNu64, &limit) != 1)
            limit = UINT64_MAX;
    if (limits)
        fclose(limits);
    return limit;
}

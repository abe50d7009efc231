/* SPDX-License-Identifier: MIT */
/*
 * Owns the search for a process's counters. Order: a segment costs the target nothing and needs no
 * right to trace it; memory is read only when there is none. A foreign IPC namespace is entered for
 * the one call that attaches.
 */
#define _GNU_SOURCE
#include "stat/target.h"

#include "common/complain.h"
#include "common/proc.h"
#include "os/os_share.h"
#include "stats/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SCAN_BYTES_MOST (16u << 20) /* of one mapping, for the anchor */
#define NOBODY_YET ((uid_t)-1)

/* ---- reading ---- */

bool hak_target_read_process(pid_t pid, uint64_t address, void *buffer, size_t bytes) {
    struct iovec local = {buffer, bytes};
    struct iovec remote = {(void *)(uintptr_t)address, bytes};
    return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)bytes;
}

bool hak_target_read(const struct hak_target *target, uint64_t offset, void *buffer, size_t bytes) {
    if (target->way == HAK_WAY_MEMORY)
        return hak_target_read_process(target->pid, target->base + offset, buffer, bytes);
    if (offset > target->bytes || bytes > target->bytes - offset)
        return false;
    if (target->way == HAK_WAY_SEGMENT) {
        memcpy(buffer, target->segment + offset, bytes);
        return true;
    }
    return pread(target->file, buffer, bytes, (off_t)offset) == (ssize_t)bytes;
}

/* A header of another layout is found, too: the caller says so. */
static bool is_header(const struct hak_target *target) {
    struct hak_stats_header header;
    return hak_target_read(target, 0, &header, sizeof header) &&
           memcmp(header.magic, HAK_STATS_MAGIC, sizeof header.magic) == 0;
}

/* ---- System V ---- */

/* Attaches in the target's IPC namespace and says who made the segment; (void *)-1, errno set. */
static void *attach_there(pid_t pid, int id, int flags, uid_t *ret_maker) {
    char path[64];
    struct stat own_status, status;
    snprintf(path, sizeof path, "/proc/%ld/ns/ipc", (long)pid);
    int own = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
    int there = open(path, O_RDONLY | O_CLOEXEC);
    bool is_same = own < 0 || there < 0 || fstat(own, &own_status) != 0 ||
                   fstat(there, &status) != 0 || own_status.st_ino == status.st_ino;
    struct shmid_ds facts;
    void *segment = (void *)-1;
    if (is_same || setns(there, CLONE_NEWIPC) == 0)
        segment = shmat(id, NULL, flags);
    int error = errno;
    if (segment != (void *)-1)
        *ret_maker = shmctl(id, IPC_STAT, &facts) == 0 ? facts.shm_perm.cuid : NOBODY_YET;
    if (!is_same)
        setns(own, CLONE_NEWIPC);
    if (own >= 0)
        close(own);
    if (there >= 0)
        close(there);
    errno = error;
    return segment;
}

/* How much of our address space the kernel gave to what was attached. */
static uint64_t attached_bytes(const void *segment) {
    struct hak_mapping mapping;
    uint64_t bytes = 0;
    FILE *maps = hak_proc_open(getpid(), "maps");
    while (maps && hak_proc_mapping(maps, &mapping))
        if (mapping.start == (uintptr_t)segment)
            bytes = mapping.end - mapping.start;
    if (maps)
        fclose(maps);
    return bytes;
}

static bool try_segment(struct hak_target *target, const struct hak_mapping *mapping) {
    void *segment = attach_there(target->pid, (int)mapping->inode, SHM_RDONLY, &target->maker);
    if (segment == (void *)-1)
        return false;
    target->way = HAK_WAY_SEGMENT;
    target->segment = segment;
    target->bytes = attached_bytes(segment);
    if (is_header(target))
        return true;
    shmdt(segment);
    target->segment = NULL;
    return false;
}

/* The process may name any segment: we write to none that its counters' maker didn't make. */
void *hak_target_control(const struct hak_target *target, int id) {
    uid_t maker = NOBODY_YET;
    if (id < 0 || target->way != HAK_WAY_SEGMENT)
        return NULL;
    void *page = attach_there(target->pid, id, 0, &maker);
    if (page == (void *)-1)
        return NULL;
    if (maker != NOBODY_YET && maker == target->maker &&
        attached_bytes(page) >= sizeof(struct hak_stats_control))
        return page;
    shmdt(page);
    return NULL;
}

/* ---- the file in memory ---- */

static bool try_file(struct hak_target *target) {
    char folder[64], path[400], name[128];
    struct stat status;
    const struct dirent *entry;
    bool found = false;
    snprintf(folder, sizeof folder, "/proc/%ld/fd", (long)target->pid);
    DIR *files = opendir(folder);
    while (!found && files && (entry = readdir(files))) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ssize_t length = readlink(path, name, sizeof name - 1);
        name[length > 0 ? length : 0] = '\0';
        if (strncmp(name, "/memfd:" HAK_SHARE_FILE_NAME, 7 + sizeof HAK_SHARE_FILE_NAME - 1) != 0)
            continue;
        target->file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        target->way = HAK_WAY_FILE;
        target->bytes = target->file >= 0 && fstat(target->file, &status) == 0 && status.st_size > 0
                            ? (uint64_t)status.st_size
                            : 0;
        found = is_header(target);
        if (!found && target->file >= 0)
            close(target->file);
    }
    if (files)
        closedir(files);
    if (!found)
        target->file = -1;
    return found;
}

/* ---- memory ---- */

/* Looks for the anchor in one mapping; it is aligned as any structure with 64-bit words. */
static bool scan_mapping(struct hak_target *target, const struct hak_mapping *mapping) {
    uint64_t bytes = mapping->end - mapping->start;
    char *copy = bytes <= SCAN_BYTES_MOST ? malloc((size_t)bytes) : NULL;
    bool found = false;
    if (copy && hak_target_read_process(target->pid, mapping->start, copy, (size_t)bytes)) {
        target->way = HAK_WAY_MEMORY;
        for (uint64_t at = 0; !found && at + sizeof(struct hak_stats_header) <= bytes; at += 8) {
            if (memcmp(copy + at, HAK_STATS_MAGIC, sizeof HAK_STATS_MAGIC) != 0)
                continue;
            target->base = mapping->start + at;
            found = is_header(target);
        }
    }
    free(copy);
    return found;
}

static bool is_library(const char *path) {
    const char *name = strrchr(path, '/');
    return name && strncmp(name, "/libhakmem", 10) == 0;
}

/* The first file mapped is the program, or the library was linked into it. */
static bool try_memory(struct hak_target *target, FILE *maps) {
    struct hak_mapping mapping;
    char program[sizeof mapping.path] = "";
    bool found = false;
    rewind(maps);
    while (!found && hak_proc_mapping(maps, &mapping)) {
        if (!*program && *mapping.path == '/')
            memcpy(program, mapping.path, sizeof program);
        bool is_candidate = is_library(mapping.path) || strcmp(mapping.path, program) == 0;
        if (is_candidate && *mapping.path && mapping.rights[1] == 'w')
            found = scan_mapping(target, &mapping);
    }
    return found;
}

/* The segment as a part of the target's memory, when it can't be attached. */
static bool try_mapped(struct hak_target *target, const struct hak_mapping *mapping) {
    target->way = HAK_WAY_MEMORY;
    target->base = mapping->start;
    return is_header(target);
}

/* ---- all ways ---- */

static bool is_segment(const struct hak_mapping *mapping) {
    return mapping->offset == 0 && (strncmp(mapping->path, "/SYSV00000000", 13) == 0 ||
                                    strstr(mapping->path, HAK_SHARE_FILE_NAME));
}

/* ret_is_locked: there is something that looks like ours, and no right to see it. */
static bool search(struct hak_target *target, FILE *maps, bool *ret_is_locked) {
    struct hak_mapping mapping;
    while (hak_proc_mapping(maps, &mapping)) {
        target->has_library = target->has_library || is_library(mapping.path);
        if (!is_segment(&mapping))
            continue;
        if (strncmp(mapping.path, "/SYSV", 5) == 0 && try_segment(target, &mapping))
            return true;
        *ret_is_locked = *ret_is_locked || errno == EACCES || errno == EPERM;
        if (strncmp(mapping.path, "/SYSV", 5) != 0 && try_file(target))
            return true;
        if (try_mapped(target, &mapping))
            return true;
    }
    return try_memory(target, maps);
}

static enum hak_stat_error why_not(const struct hak_target *target, bool is_locked) {
    char byte;
    if (!hak_proc_lives(target->pid))
        return HAK_STAT_NO_PROCESS;
    if (is_locked)
        return HAK_STAT_NO_RIGHT;
    /* Address 0 is never mapped: EFAULT means that we may look. */
    bool may_look = hak_target_read_process(target->pid, 0, &byte, 1) || errno == EFAULT;
    return may_look ? HAK_STAT_NO_HAKMEM : HAK_STAT_NO_RIGHT;
}

enum hak_stat_error hak_target_open(struct hak_target *target, pid_t pid) {
    struct hak_stats_header header;
    bool is_locked = false;
    memset(target, 0, sizeof *target);
    target->pid = pid;
    target->file = -1;
    if (!hak_proc_lives(pid))
        return HAK_STAT_NO_PROCESS;
    target->inner_pid = (pid_t)hak_proc_number(pid, "status", "NSpid:");
    FILE *maps = hak_proc_open(pid, "maps");
    if (!maps)
        return errno == EACCES || errno == EPERM ? HAK_STAT_NO_RIGHT : HAK_STAT_NO_PROCESS;
    bool found = search(target, maps, &is_locked);
    bool is_readable = ferror(maps) == 0;
    fclose(maps);
    if (!found)
        return is_readable ? why_not(target, is_locked) : HAK_STAT_NO_RIGHT;
    if (!hak_target_read(target, 0, &header, sizeof header))
        return HAK_STAT_NO_PROCESS;
    return header.layout == HAK_STATS_LAYOUT ? HAK_STAT_OK : HAK_STAT_OTHER_LAYOUT;
}

void hak_target_close(struct hak_target *target) {
    if (target->segment)
        shmdt(target->segment);
    if (target->file >= 0)
        close(target->file);
    target->segment = NULL;
    target->file = -1;
}

/* ---- what went wrong ---- */

int hak_target_complain(const char *operand, enum hak_stat_error error) {
    static const struct {
        const char *text;
        int status;
    } texts[] = {
        [HAK_STAT_OK] = {"", 0},
        [HAK_STAT_FAILED] = {"out of memory", HAK_EXIT_FAILED},
        [HAK_STAT_NO_HAKMEM] = {"not on libhakmem", HAK_EXIT_NO_HAKMEM},
        [HAK_STAT_NO_RIGHT] = {"permission denied (be its user or root; its HAKMEM_STATS=1 "
                               "helps)",
                               HAK_EXIT_NO_RIGHT},
        [HAK_STAT_OTHER_LAYOUT] = {"its libhakmem has another layout of counters",
                                   HAK_EXIT_OTHER_LAYOUT},
        [HAK_STAT_NO_PROCESS] = {"no such process, or it has ended", HAK_EXIT_NO_PROCESS},
        [HAK_STAT_BROKEN] = {"its counters contradict themselves", HAK_EXIT_FAILED},
    };
    hak_complain("%s: %s", operand, texts[error].text);
    return texts[error].status;
}

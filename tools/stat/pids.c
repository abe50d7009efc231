/* SPDX-License-Identifier: MIT */
/*
 * The search through /proc. Our own process is never among those found.
 */
#include "stat/pids.h"

#include "common/complain.h"
#include "common/proc.h"
#include "stat/target.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(struct hak_pids *pids, pid_t pid) {
    pid_t *grown = reallocarray(pids->pid, pids->count + 1, sizeof *grown);
    if (!grown) {
        pids->status = hak_target_complain("processes", HAK_STAT_FAILED);
        return;
    }
    pids->pid = grown;
    grown[pids->count++] = pid;
}

static bool has_name(pid_t pid, const char *name) {
    char found[32];
    hak_proc_name(pid, found, sizeof found);
    return strcmp(found, name) == 0;
}

static bool is_on_hakmem(pid_t pid) {
    struct hak_target target;
    enum hak_stat_error error = hak_target_open(&target, pid);
    hak_target_close(&target);
    return error == HAK_STAT_OK || error == HAK_STAT_OTHER_LAYOUT;
}

/* NULL: every process on libhakmem. */
static void find(struct hak_pids *pids, const char *name) {
    const struct dirent *entry;
    DIR *processes = opendir("/proc");
    while (processes && (entry = readdir(processes))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || pid == getpid())
            continue;
        if (name ? has_name(pid, name) : is_on_hakmem(pid))
            add(pids, pid);
    }
    if (processes)
        closedir(processes);
}

void hak_pids_add(struct hak_pids *pids, const char *operand) {
    char *end;
    unsigned before = pids->count;
    errno = 0;
    long number = strtol(operand, &end, 10);
    if (end != operand && *end == '\0') {
        if (errno || number <= 0 || number > INT32_MAX)
            pids->status = hak_target_complain(operand, HAK_STAT_NO_PROCESS);
        else
            add(pids, (pid_t)number);
        return;
    }
    find(pids, operand);
    if (pids->count == before) {
        hak_complain("%s: no process of this name", operand);
        pids->status = HAK_EXIT_NO_PROCESS;
    }
}

void hak_pids_add_all(struct hak_pids *pids) {
    find(pids, NULL);
}

void hak_pids_free(struct hak_pids *pids) {
    free(pids->pid);
    *pids = (struct hak_pids){NULL, 0, 0};
}

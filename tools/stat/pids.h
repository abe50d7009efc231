/* SPDX-License-Identifier: MIT */
/*
 * Which processes are meant: by ID, by name, or all on libhakmem. Used by one thread.
 */
#ifndef HAK_TOOLS_STAT_PIDS_H
#define HAK_TOOLS_STAT_PIDS_H

#include <sys/types.h>

struct hak_pids {
    pid_t *pid;
    unsigned count;
    int status; /* exit status of what was not found or did not fit into memory; 0: none */
};

/* Adds what the operand names; complains if that is nothing. */
void hak_pids_add(struct hak_pids *pids, const char *operand);

/* Adds every process on libhakmem that can be seen; says nothing. */
void hak_pids_add_all(struct hak_pids *pids);

void hak_pids_free(struct hak_pids *pids);

#endif

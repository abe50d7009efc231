/* SPDX-License-Identifier: MIT */
/*
 * One row a process: what it has resident, what of it lives, what is wasted, where it is going.
 * Used by one thread.
 */
#ifndef HAK_TOOLS_STAT_LIST_H
#define HAK_TOOLS_STAT_LIST_H

#include "stat/pids.h"
#include "stat/show.h"

struct hak_list_row {
    pid_t pid;
    char name[32];
    uint64_t resident_bytes; /* as the kernel counts it */
    uint64_t live_bytes;
    uint64_t waste_bytes; /* held, and in no live block */
    uint64_t threads;
    int64_t trend; /* of resident_bytes, a second */
    uint64_t taken_ns;
    bool has_trend; /* the process was seen by the look before */
};

struct hak_list {
    struct hak_list_row *row;
    unsigned count;
};

/* Looks at the processes; those that cannot be seen are left out. `before`: the last look, or NULL.
 */
void hak_list_take(struct hak_list *list, const struct hak_pids *pids,
                   const struct hak_list *before);
void hak_list_free(struct hak_list *list);
void hak_list_sort(struct hak_list *list, enum hak_sort_key key);
void hak_list_show(struct hak_show *show, const struct hak_list *list);

#endif

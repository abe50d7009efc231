/* SPDX-License-Identifier: MIT */
/*
 * Owns memory that other processes may look at. A segment has no name and, as System V memory, no
 * descriptor: closing all descriptors does it no harm, and the kernel frees it with the last
 * process that has it mapped. Any thread may call. Every function keeps errno.
 */
#ifndef HAK_OS_SHARE_H
#define HAK_OS_SHARE_H

#include "base/compiler.h"

#define HAK_SHARE_FILE_NAME "hakmem-stats" /* what /proc shows of the file */

enum hak_share_access { HAK_SHARE_READ, HAK_SHARE_WRITE }; /* what others of the same user may do */

/*
 * Zero pages. ret_id: the System V id by which others attach; -1: System V memory can't be had, it
 * is a file in memory (READ only). NULL: neither can be had.
 */
void *hak_share_make(size_t bytes, enum hak_share_access access, int *ret_id);

/* Removes segments of processes of this user that were killed between making one and marking it for
 * removal, which are two system calls. */
void hak_share_sweep(void);

/* Takes a segment of hak_share_make out of this process. */
void hak_share_drop(void *segment, size_t bytes);

/* Shows the pages of a segment at `place`, too, over what is mapped there. False: `place` holds
 * fresh zero pages. */
bool hak_share_alias(void *pages, size_t bytes, void *place);

/* False if a seccomp filter is in force: then a system call that is new here could kill. */
bool hak_share_is_allowed(void);

uint64_t hak_share_now_s(void);
int hak_share_pid(void);

#endif

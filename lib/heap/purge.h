/* SPDX-License-Identifier: MIT */
/*
 * Owns the giving back of dirty runs to the system: which thread purges how much. The oldest go
 * first. No lock is held across a system call; where nothing else is said, none is held before.
 */
#ifndef HAK_HEAP_PURGE_H
#define HAK_HEAP_PURGE_H

#include "base/compiler.h"

/* A dirty run of so many bytes has come to the free ones: purges what is too much. The heap lock
 * is held, and given back here. */
void hak_purge_after_give(size_t bytes);

/* What is dirty above the bound now. Returns the bytes. */
size_t hak_purge_above(size_t bound_bytes);

/* Nobody purges until the caller does so: hak_purge_all must follow. */
void hak_purge_hold(void);

/* All that is dirty. Returns the bytes. */
size_t hak_purge_all(void);

/* In a fork's child, whose parent's other threads don't come back. Heap lock held. */
void hak_purge_forget(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the giving back of dirty runs to the system: which thread purges how much. The oldest go
 * first. No lock is held across a system call; where nothing else is said, none is held before.
 */
#ifndef HAK_PAGES_PURGE_H
#define HAK_PAGES_PURGE_H

#include "os/os_time.h"
#include "pages/retention.h"

/* A dirty run of so many bytes has come to the free ones: purges what is too much. The heap lock
 * is held, and given back here. */
void hak_purge_after_return(size_t bytes);

/* A cycle may have ended, whose memory nobody uses any more. */
HAK_INLINE bool hak_purge_is_due(void) {
    uint64_t due_ms = atomic_load_explicit(&hak_retention_due_ms, memory_order_relaxed);
    return HAK_UNLIKELY(due_ms != 0) && hak_os_now_ms() >= due_ms;
}

/* Purges a step of what is too much then. Due again at once if that was not all. */
HAK_SLOW void hak_purge_idle(void);

/* The program moves its blocks to need less memory: a step of what is dirty above a quarter of what
 * the knobs allow, and above prealloc. */
void hak_purge_evacuated(void);

/* What is dirty above the bound now. Returns the bytes. */
size_t hak_purge_above(size_t bound_bytes);

/* Nobody purges until the caller does so: hak_purge_all must follow. */
void hak_purge_hold(void);

/* All that is dirty. Returns the bytes. */
size_t hak_purge_all(void);

/* In a fork's child, whose parent's other threads don't come back. Heap lock held. */
void hak_purge_forget(void);

#endif

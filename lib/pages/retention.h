/* SPDX-License-Identifier: MIT */
/*
 * Owns how much dirty memory may stay: a bound from the knobs, and an allowance above it for a
 * program that purges and takes the same memory again and again. Everything here is protected by
 * the heap lock, which the caller holds.
 *
 * In an episode of purges, each within a second of the one before, it is counted how much of what
 * was purged had to be taken again, as soon. Once that is half of the most memory in use, the
 * program is in a cycle: from then on the allowance grows by what is missed. It shrinks by what lay
 * dirty, unused, for a whole second. That is looked at when memory is taken or given and, in case
 * none is any more, when it is due.
 */
#ifndef HAK_PAGES_RETENTION_H
#define HAK_PAGES_RETENTION_H

#include "base/compiler.h"

#include <stdatomic.h>

/* In a fork's child: as at the start of the process, but for what was set. */
void hak_retention_forget(void);

/* Bytes that may stay dirty now. Called after a run of so many bytes was given back. */
size_t hak_retention_bound_bytes(size_t given_bytes);

/* What of it the knobs say, whatever the program does. */
size_t hak_retention_knob_bytes(void);

/* When to look next if nothing is taken or given till then, in ms; 0: no need. Relaxed: a hint. */
extern _Atomic uint64_t hak_retention_due_ms;

/* There is more to purge than was: look again at once, but not while memory is taken. */
void hak_retention_check_again(void);

/* Takes the place of the knob dirty_min, which can't change any more. */
void hak_retention_set_least(size_t bytes);

/* What to purge down to once the bound is passed. */
size_t hak_retention_goal_bytes(size_t bound_bytes);

/* A free run was taken, and has left its set. */
void hak_retention_note_take(size_t bytes, bool was_dirty);

/* A run was purged. */
void hak_retention_note_purge(size_t bytes);

/* True if the program lately took much of what was purged right before: it is about to do so again.
 */
bool hak_retention_is_taken_back(void);

#endif

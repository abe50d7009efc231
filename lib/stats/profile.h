/* SPDX-License-Identifier: MIT */
/*
 * Owns the record of the heap profile: who asked for it, and the area of samples. Any thread may
 * call, also in a signal handler inside malloc: there is no lock, and nothing here allocates. The
 * area is part of the shared segment, or memory of its own that is mapped when first needed.
 */
#ifndef HAK_STATS_PROFILE_H
#define HAK_STATS_PROFILE_H

#include "stats/process.h"
#include "stats/profile_layout.h"

/* Words that tracers raise; see base/probe.h. */
extern volatile uint16_t hak_probe_alloc_listeners;
extern volatile uint16_t hak_probe_free_listeners;

/* relaxed: a wish, nothing is read because of it */
HAK_INLINE bool hak_profile_is_wanted(void) {
    return (atomic_load_explicit(&hak_stats_control->profile_until_ms, memory_order_relaxed) |
            hak_probe_alloc_listeners) != 0;
}

/* The process asks for its own profile, from its start on, without an end. */
void hak_profile_ask(void);

/* Whoever started the process for its profile is given some seconds to find it. */
void hak_profile_await_reader(void);

/* False: there is no memory for the area. */
bool hak_profile_start(void);

/*
 * Records the calling thread's stack for a block. Returns the low bits of the sample's number,
 * which are kept with the block and handed to hak_profile_drop; 0: not recorded. Ends the profile
 * if its time is over. With a mean of 1 it waits for a reader that is behind, so the caller holds
 * no lock.
 */
uint32_t hak_profile_add(const void *block, size_t bytes, uint64_t mean_bytes, int thread_id);

/* The sample's block is no more. Waits as hak_profile_add does. */
void hak_profile_drop(uint32_t sample, uint64_t mean_bytes);

/*
 * The list of mappings as it is at exit, for a reader that comes when the process has ended. It
 * takes system calls that malloc never makes.
 */
void hak_profile_note_maps(void);

#endif

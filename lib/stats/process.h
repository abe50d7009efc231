/* SPDX-License-Identifier: MIT */
/*
 * Owns where the process's counters and the exited threads' row are, and the segment in which other
 * processes read them. Both rows are written under the heap lock of the heap layer, which also
 * guards the making and changing of segments. The words point to private rows until
 * hak_stats_share; they change again only in a fork's child, when it has one thread.
 */
#ifndef HAK_STATS_PROCESS_H
#define HAK_STATS_PROCESS_H

#include "stats/layout.h"
#include "stats/stats.h"

extern struct hak_process_record *hak_stats_process;
extern struct hak_thread_counters *hak_stats_exited;
#define hak_process_counters (*hak_stats_process)
#define hak_exited_counters (*hak_stats_exited)

/* In the library's data, found there by its magic: a reader's way into a process without segment.
 */
extern struct hak_stats_header hak_stats_anchor;

/* What the layers above know and a reader wants to know. */
struct hak_stats_facts {
    const uint32_t *class_bytes; /* of HAK_STATS_CLASSES classes */
    const struct hak_stats_knob *knobs;
    uint32_t knob_count;
    const void *first_heap; /* addresses of the words that hold heaps' addresses */
    const void *abandoned_heap;
    uint32_t heap_next;
    uint32_t heap_counters;
    uint32_t slab_bytes;
    struct hak_stats_slabs slabs;
};

/* Fills the anchor in. Once, at the start of the process. */
void hak_stats_start(const struct hak_stats_facts *facts);

/* Moves the counters into a segment, if one can be had. After hak_stats_start, before any heap. */
void hak_stats_share(const struct hak_stats_facts *facts);

/* Shows the next record of the segment at a new heap's counters, if there is one. The heap lock is
 * not held. */
void hak_stats_adopt(struct hak_thread_counters *counters);

/*
 * fork: the thread that forks makes a copy of the segment, while others go on counting; the parent
 * drops it, the child changes to it, and calls hak_stats_readopt for each heap. Without a copy the
 * child's counters become private. The process's row must fit what the child finds under the heap
 * lock, so it comes from what was kept as the lock was given last; is_inside: the caller holds it,
 * and nobody has changed the row since it was copied.
 */
struct hak_stats_copy {
    struct hak_stats_header *segment; /* NULL: none */
    struct hak_stats_control *control;
};
bool hak_stats_is_shared(void);
void hak_stats_fork_copy(struct hak_stats_copy *ret_copy);
void hak_stats_fork_drop(struct hak_stats_copy *copy);
void hak_stats_fork_change(struct hak_stats_copy *copy, bool is_inside);
void hak_stats_readopt(struct hak_thread_counters *counters);

/* Tells readers how many forks there are between the first process and this one. */
void hak_stats_set_forks(uint32_t forks);

/* The area of the heap profile; NULL: none yet. hak_stats_profile_use gives the process one; false:
 * it has one by now. */
struct hak_profile_area;
struct hak_profile_area *hak_stats_profile_area(void);
bool hak_stats_profile_use(struct hak_profile_area *area);

/* fork: a child counts on, so that the blocks that it inherits are nobody's. */
void hak_stats_profile_inherit(struct hak_profile_area *to);

/* Around hak_counters_move. The heap lock is held. */
void hak_stats_begin_move(void);
void hak_stats_end_move(void);

extern struct hak_stats_control *hak_stats_control; /* never NULL */
extern _Atomic uint32_t hak_stats_purges_taken;

/* True while a request to purge hasn't been taken. relaxed: a wish, nothing is read because of it
 */
HAK_INLINE bool hak_stats_purge_is_wanted(void) {
    return atomic_load_explicit(&hak_stats_control->purge_request, memory_order_relaxed) !=
           atomic_load_explicit(&hak_stats_purges_taken, memory_order_relaxed);
}

/* True for the one thread that is to purge now. */
bool hak_stats_take_purge(void);

#endif

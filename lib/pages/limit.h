/* SPDX-License-Identifier: MIT */
/*
 * Owns the two limits of the process's memory, set at start by knobs and constant afterwards, and
 * what is said when memory can't be had. What counts is memory in use, dirty memory and the
 * allocator's own. Above the soft limit nothing dirty stays and caches give back what they hold;
 * above the hard limit an allocation fails.
 */
#ifndef HAK_PAGES_LIMIT_H
#define HAK_PAGES_LIMIT_H

#include "base/compiler.h"

#include <stdatomic.h>

/* Resolves the knobs: a percentage is of the control group's memory, or else of the machine's. */
void hak_limit_start(void);

/* The machine's memory and swap: more is given by no system that has just refused it. */
extern size_t hak_limit_machine_bytes HAK_SEALED;

/* True while the process is above its soft limit: caches don't grow. */
bool hak_limit_is_pressed(void);

/* True if there is a limit and memory that is resident is close to it. Takes the heap lock. */
bool hak_limit_is_near(void);

/* What may stay dirty above the soft limit, for a while; 0: there is none. */
size_t hak_limit_room_bytes(void);

/* What may stay dirty with what is in use now, at most `bound_bytes`. Heap lock held. */
size_t hak_limit_dirty_bytes(size_t bound_bytes);

enum hak_limit_verdict {
    HAK_LIMIT_FREE,  /* go ahead */
    HAK_LIMIT_PURGE, /* once *ret_dirty_bytes is all that is dirty */
    HAK_LIMIT_FULL   /* the hard limit allows no more */
};

/* May `bytes` of memory that isn't resident be taken? Heap lock held. `has_purged`: for the soft
 * limit, once is enough. */
enum hak_limit_verdict hak_limit_judge(size_t bytes, bool has_purged, size_t *ret_dirty_bytes);

/* Whether `bytes` more would fit below the hard limit if only large blocks were left in use. Heap
 * lock held. */
bool hak_limit_can_hold(size_t bytes);

/* The system has refused address space: what is free gives up its address space for some seconds,
 * and while as much is mapped as now, less an eighth. No lock is held. */
void hak_limit_note_refusal(void);

/* True if so: what is free is to give up its address space. Heap lock held. */
bool hak_limit_is_tight(void);

/* How often all caches were asked to give back what they hold. Only ever rises; they look at it in
 * their slow paths, relaxed: nothing is read because of it. */
extern _Atomic uint32_t hak_limit_asks;
void hak_limit_ask_caches(void);

/* Memory can't be had; `is_full`: by the hard limit. Says why, once, if the knob log is set. */
void hak_limit_explain(bool is_full);

#endif

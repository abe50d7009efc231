/* SPDX-License-Identifier: MIT */
/*
 * Owns the two limits of the process's memory, set at start by knobs and constant afterwards, and
 * what is said when memory can't be had. What counts is memory in use, dirty memory and the
 * allocator's own. Above the soft limit nothing dirty stays and caches give back what they hold;
 * above the hard limit an allocation fails.
 */
#ifndef HAK_HEAP_LIMIT_H
#define HAK_HEAP_LIMIT_H

#include "base/compiler.h"

/* Resolves the knobs: a percentage is of the control group's memory, or else of the machine's. */
void hak_limit_start(void);

/* True while the process is above its soft limit: caches don't grow. */
bool hak_limit_is_pressed(void);

/* True if there is a limit and memory that is resident is close to it. Takes the heap lock. */
bool hak_limit_is_near(void);

/* What may stay dirty with what is in use now, at most `bound_bytes`. Heap lock held. */
size_t hak_limit_dirty_bytes(size_t bound_bytes);

enum hak_limit_verdict {
    HAK_LIMIT_FREE,  /* go ahead */
    HAK_LIMIT_PURGE, /* once *ret_dirty_bytes is all that is dirty */
    HAK_LIMIT_FULL   /* the hard limit allows no more */
};

/* May `bytes` of memory that isn't resident be taken? Heap lock held. */
enum hak_limit_verdict hak_limit_judge(size_t bytes, size_t *ret_dirty_bytes);

/* Memory can't be had; `is_full`: by the hard limit. Says why, once, if the knob log is set. */
void hak_limit_explain(bool is_full);

#endif

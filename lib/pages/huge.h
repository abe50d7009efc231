/* SPDX-License-Identifier: MIT */
/*
 * Owns the rule which SuperSlabs may have huge pages, where the system offers them (transparent
 * huge pages). Knob huge_pages: never and always say it; hugetlb: none, but what the kernel's
 * pool of huge pages has; auto: growth for small blocks once 64 MiB,
 * and half of what is in use, are slabs that were populated because their class fills them, in
 * steps of at most 1/32 of those: so huge pages add no more than that to what is resident. And only
 * while they are quick: in a virtual machine that hands free memory back to its host, a huge page
 * may take longer than the faults that it saves; the first page of each growth shows it. A growth
 * is advised as a whole, so that the advice makes hardly any mappings.
 */
#ifndef HAK_PAGES_HUGE_H
#define HAK_PAGES_HUGE_H

#include "conf/conf.h"
#include "core/region.h"
#include "os/os_memory.h"

/* In the order of the knob's words. */
enum hak_huge_choice { HAK_HUGE_NEVER, HAK_HUGE_AUTO, HAK_HUGE_ALWAYS, HAK_HUGE_POOL };

void hak_huge_start(void);

/* In a fork's child: nobody knows any more where huge pages are welcome. */
void hak_huge_forget(void);

/* A slab is one that is populated, or no longer. Any thread, no lock needed. */
void hak_huge_note_filled(bool is_filled);

/* How many slabs a growth may run ahead of need, at most `slabs`. */
size_t hak_huge_limit_growth(size_t least_slabs, size_t slabs);

/*
 * Places a growth in pages of the kernel's pool, if the knob says so. HAK_PLACE_FAILED: it doesn't,
 * or the pool has too few; what is placed then are normal pages. Memory of the pool is never
 * purged: part of a page can't be, and a page that went back might be missing later.
 */
enum hak_placing hak_huge_place(void *start, size_t bytes);

/* Does a slab lie in pages of the pool? */
HAK_INLINE bool hak_huge_is_pooled(const struct hak_slab *slab) {
    return HAK_UNLIKELY(hak_conf.huge_pages == HAK_HUGE_POOL) && hak_region_is_pooled(slab);
}

/* New memory of a region, committed and not yet touched. No lock is held. */
void hak_huge_advise(struct hak_region *region, size_t index, size_t slabs, size_t least_slabs);

/*
 * Memory is about to be purged. Around it no huge page is made from then on: the system would fill
 * the purged part again. Those that are there stay. No lock is held.
 */
void hak_huge_note_purge(const struct hak_slab *run);

#endif

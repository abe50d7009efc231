/* SPDX-License-Identifier: MIT */
/*
 * Owns the mending of mappings. A program may change the mapping of its own block (mprotect,
 * madvise, mlock, mmap with MAP_FIXED, munmap) and free the block as it is; the next user of that
 * memory must find plain memory. Called by the thread that holds the run, without the heap lock.
 */
#ifndef HAK_PAGES_RENEW_H
#define HAK_PAGES_RENEW_H

#include "core/region.h"

/* Maps a run in use anew. True: it reads as zero and is a plain mapping. False: nothing changed. */
bool hak_renew_run(struct hak_slab *run);

/*
 * The same, if the mapping of a run of 1 MiB or more is seen not to be as the allocator made it.
 * False: the run keeps its content. What can be mended without losing it is mended.
 */
bool hak_renew_if_changed(struct hak_slab *run);

#endif

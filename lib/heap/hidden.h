/* SPDX-License-Identifier: MIT */
/*
 * Owns the rule which free memory core dumps leave out: clean runs of 256 KiB and more, if that is
 * a certain share of what is committed, and 128 of them at most, because each makes two mappings
 * more; and all that lie right beside such a one, which make none. A run is hidden: not for use, as
 * if its range had not grown so far, until it is shown again: 256 KiB at first, twice as much each
 * time, up to 2 MiB or more. For superslab.c and purge.c.
 */
#ifndef HAK_HEAP_HIDDEN_H
#define HAK_HEAP_HIDDEN_H

#include "heap/range.h"
#include "os/os_memory.h"

/* Takes a clean run out of its set if it is to be hidden. Heap lock held. */
bool hak_hidden_wants(struct hak_slab *run);

/* Hides the run that was taken out. No lock is held, here and below. */
void hak_hidden_add(struct hak_slab *run);

/* Makes a clean run of at least `slabs` out of a hidden one. False: there is none so long. */
bool hak_hidden_show(size_t slabs);

/* Shows a part of a run in use, which was just taken out of a hidden one. */
HAK_INLINE void hak_hidden_show_part(const struct hak_slab *run, size_t from, size_t slabs) {
    hak_os_hide((void *)(hak_slab_address(run) + (from << HAK_SLAB_SHIFT)), slabs << HAK_SLAB_SHIFT,
                false);
}

#endif

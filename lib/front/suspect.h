/* SPDX-License-Identifier: MIT */
/*
 * Settles suspicions: is this block free already? Any thread may call, with a block of a slab.
 */
#ifndef HAK_FRONT_SUSPECT_H
#define HAK_FRONT_SUSPECT_H

#include "core/heap.h"

/* True if the block, whose memory shows the mark's tag, is free. `heap` is the caller's, or NULL.
 */
bool hak_suspect_is_free(const struct hak_heap *heap, const struct hak_slab *slab,
                         const struct hak_block *block);

/* Ends the process: there is no live block at a pointer whose slab is of no size class. */
__attribute__((noreturn)) HAK_COLD void hak_suspect_report_dead(const struct hak_slab *slab,
                                                                const void *pointer, bool is_free);

#endif

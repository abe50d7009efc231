/* SPDX-License-Identifier: MIT */
/*
 * The blocks of requests that were drawn: sampled ones are large blocks, guarded ones come from
 * their pool. Called by the heap's own thread.
 */
#ifndef HAK_FRONT_SAMPLED_ALLOC_H
#define HAK_FRONT_SAMPLED_ALLOC_H

#include "core/heap.h"

/* A block for a request of which hak_sample_is_turn says so; NULL: an ordinary one will do.
 * `caller`: see hak_sampled_guard_alloc. */
void *hak_sampled_alloc(struct hak_heap *heap, size_t bytes, const void *caller);

#endif

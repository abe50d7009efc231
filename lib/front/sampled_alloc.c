/* SPDX-License-Identifier: MIT */
/*
 * Takes the blocks of requests that were drawn.
 */
#include "front/sampled_alloc.h"

#include "core/hardened.h"
#include "core/region.h"
#include "hardening/sampled_guard.h"
#include "large/large.h"
#include "large/sample.h"

static void *alloc_sampled(struct hak_heap *heap, size_t bytes) {
    hak_sample_follow(heap);
    if (!heap->sampler.is_profiling)
        return NULL;
    struct hak_slab *slab = hak_large_take(bytes ? bytes : 1, HAK_SLAB_BYTES);
    if (!slab)
        return NULL;
    struct hak_block *block = (struct hak_block *)hak_region_slab_address(slab);
    if (!hak_hardened.is_on)
        block->mark = 0; /* as hak_large_alloc */
    slab->block_bytes = hak_size_class_bytes[hak_size_class_of(bytes)];
    hak_sample_record(heap, slab, bytes);
    return block;
}

void *hak_sampled_alloc(struct hak_heap *heap, size_t bytes, const void *caller) {
    struct hak_sampler *sampler = &heap->sampler;
    if (sampler->is_profiling && sampler->left_bytes <= 0)
        return alloc_sampled(heap, bytes);
    hak_sample_draw_guarded(sampler);
    return hak_sampled_guard_alloc(heap, bytes, caller);
}

/* SPDX-License-Identifier: MIT */
/*
 * The slow twins of malloc: whom they hand over to.
 */
#include "front/alloc.h"

#include "core/hardened.h"
#include "front/alloc_general.h"
#include "front/hardened_path.h"

void *hak_alloc_slow(size_t bytes) {
    if (HAK_UNLIKELY(bytes - 1 < hak_heap_mine->hardened_bytes))
        return hak_hardened_path_malloc(bytes, hak_heap_of_hot(hak_heap_mine));
    return hak_alloc_general(bytes);
}

void *hak_alloc_untouched(size_t bytes) {
    struct hak_heap *heap = hak_heap_get();
    if (!heap || hak_hardened.is_on || heap->sampler.is_on)
        return NULL;
    return hak_cache_take_untouched(heap, hak_size_class_of(bytes));
}

void *hak_alloc_medium(size_t bytes) {
    const struct hak_heap_hot *hot = hak_heap_mine;
    if (HAK_UNLIKELY(bytes > hot->medium_max_bytes))
        return hak_alloc_slow(bytes);
    return hak_alloc_class(hot, hak_size_class_of(bytes), bytes);
}

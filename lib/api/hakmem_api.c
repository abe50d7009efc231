/* SPDX-License-Identifier: MIT */
/*
 * Owns the hakmem_* names: the malloc family under names that nothing else can interpose. Any
 * thread may call. Each is a jump to the function behind the libc name.
 */
#include "hakmem.h"

#include "api/api.h"
#include "cache/evacuate.h"
#include "front/lookup.h"
#include "front/thread.h"
#include "report/dump.h"
#include "report/totals.h"

#include <errno.h>
#include <string.h>

HAK_EXPORT void *hakmem_malloc(size_t bytes) {
    return hak_api_malloc(bytes);
}

HAK_EXPORT void *hakmem_calloc(size_t count, size_t bytes) {
    return hak_api_calloc(count, bytes);
}

HAK_EXPORT void *hakmem_realloc(void *pointer, size_t bytes) {
    return hak_api_realloc(pointer, bytes);
}

HAK_EXPORT void hakmem_free(void *pointer) {
    hak_api_free(pointer);
}

HAK_EXPORT void *hakmem_reallocarray(void *pointer, size_t count, size_t bytes) {
    return hak_api_reallocarray(pointer, count, bytes);
}

HAK_EXPORT void *hakmem_aligned_alloc(size_t alignment, size_t bytes) {
    return hak_api_aligned_alloc(alignment, bytes);
}

HAK_EXPORT void *hakmem_memalign(size_t alignment, size_t bytes) {
    return hak_api_memalign_rounded(alignment, bytes);
}

HAK_EXPORT int hakmem_posix_memalign(void **ret_pointer, size_t alignment, size_t bytes) {
    return hak_api_posix_memalign(ret_pointer, alignment, bytes);
}

HAK_EXPORT size_t hakmem_usable_size(void *pointer) {
    return hak_api_usable_size(pointer);
}

HAK_EXPORT void hakmem_free_sized(void *pointer, size_t bytes) {
    (void)bytes;
    hak_api_free(pointer);
}

HAK_EXPORT void hakmem_free_aligned_sized(void *pointer, size_t alignment, size_t bytes) {
    (void)alignment;
    (void)bytes;
    hak_api_free(pointer);
}

HAK_EXPORT const char *hakmem_version(void) {
    return HAK_VERSION;
}

HAK_EXPORT size_t hakmem_purge(void) {
    return hak_heap_trim();
}

HAK_EXPORT int hakmem_defrag_hint(void *pointer) {
    struct hak_heap *heap = hak_heap_get();
    if (!pointer || !heap)
        return 0;
    struct hak_block_info info = hak_lookup_block(pointer);
    return info.ownership == HAK_OWNED && hak_evacuate_if_sparse(heap, info.slab);
}

struct search {
    const char *name;
    uint64_t *ret_value;
    int error;
};

static void compare(void *context, const char *name, const char *unit, uint64_t value) {
    struct search *search = context;
    (void)unit;
    if (strcmp(name, search->name) != 0)
        return;
    *search->ret_value = value;
    search->error = 0;
}

HAK_EXPORT int hakmem_stats_get(const char *name, uint64_t *ret_value) {
    struct search search = {name, ret_value, ENOENT};
    hakmem_stats_each(compare, &search);
    return search.error;
}

HAK_EXPORT void hakmem_stats_each(void (*visit)(void *context, const char *name, const char *unit,
                                                uint64_t value),
                                  void *context) {
    struct hak_totals totals;
    hak_totals_sum(&totals);
    hak_totals_each(&totals, visit, context);
}

HAK_EXPORT int hakmem_stats_class(unsigned index, struct hakmem_class_stats *ret_stats) {
    struct hak_totals totals;
    if (index >= HAK_CLASS_COUNT - 1)
        return ENOENT;
    hak_totals_sum(&totals);
    struct hak_class_sums sums = hak_totals_class(&totals, index + 1);
    struct hak_class_use use = hak_class_use(&sums);
    *ret_stats = (struct hakmem_class_stats){
        .block_bytes = sums.block_bytes,
        .allocations = sums.allocations,
        .frees = sums.frees,
        .live_blocks = use.live_blocks,
        .cached_blocks = use.cached_blocks,
        .free_blocks = use.free_blocks,
        .slabs = totals.threads.slabs[index + 1],
    };
    return 0;
}

HAK_EXPORT int hakmem_stats_write(int descriptor) {
    return hak_dump_write(descriptor);
}

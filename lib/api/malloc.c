/* SPDX-License-Identifier: MIT */
/*
 * Owns every name of libc's malloc family, all in this one object, so that a static link takes all
 * of them from here or fails. Any thread may call, in any state of the process. The rules are those
 * of C17 7.22.3, POSIX.1-2024 and the glibc manual, "Replacing malloc".
 */
#define _GNU_SOURCE
#include "api/api.h"

#include "api/init.h"
#include "front/alloc.h"
#include "front/alloc_general.h"
#include "front/free.h"
#include "front/hardened_general.h"
#include "front/hardened_path.h"
#include "front/libc_block.h"
#include "front/lookup.h"
#include "front/thread.h"
#include "hardening/hardened_block.h"
#include "large/growth_hint.h"
#include "large/large.h"
#include "os/os_memory.h"
#include "report/dump.h"
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* C23 and old names that no header of ours or libc's declares. */
HAK_EXPORT void free_sized(void *pointer, size_t bytes);
HAK_EXPORT void free_aligned_sized(void *pointer, size_t alignment, size_t bytes);
HAK_EXPORT void cfree(void *pointer);

/* An archive's member is linked only if it is referred to. */
__attribute__((used)) static void (*const keep_constructor)(int, char **) = hak_init;

HAK_COLD static void *no_memory(void) {
    errno = ENOMEM;
    return NULL;
}

HAK_EXPORT HAK_HOT void *malloc(size_t bytes) {
    return hak_alloc(bytes);
}

HAK_EXPORT HAK_HOT void free(void *pointer) {
    hak_free(pointer);
}

static void *calloc_large(size_t bytes) {
    bool is_zero = false;
    if (!hak_heap_get())
        hak_thread_start_heap();
    void *block = hak_large_alloc(bytes, HAK_SLAB_BYTES, &is_zero);
    if (!block)
        return no_memory();
    return is_zero ? block : memset(block, 0, hak_api_usable_size(block));
}

static HAK_SLOW void *calloc_slow(size_t bytes) {
    const struct hak_heap_hot *hot = hak_heap_mine;
    if (HAK_UNLIKELY(bytes - 1 < hot->hardened_bytes))
        return hak_hardened_path_calloc(bytes, hak_heap_of_hot(hot));
    void *block = hak_alloc_general(bytes);
    return block ? memset(block, 0, hak_api_usable_size(block)) : NULL;
}

static void *calloc_class(const struct hak_heap_hot *hot, size_t size_class, size_t bytes) {
    void *block = hak_alloc_listed(hot, size_class);
    return HAK_LIKELY(block) ? memset(block, 0, hak_size_class_bytes[size_class])
                             : calloc_slow(bytes);
}

static void *calloc_medium(size_t bytes) {
    void *block = hak_alloc_untouched(bytes);
    if (block)
        return block;
    const struct hak_heap_hot *hot = hak_heap_mine;
    if (HAK_UNLIKELY(bytes > hot->medium_max_bytes))
        return calloc_slow(bytes);
    return calloc_class(hot, hak_size_class_of(bytes), bytes);
}

/* All that malloc_usable_size offers is cleared, as in glibc: programs use it. */
HAK_EXPORT void *calloc(size_t count, size_t bytes) {
    size_t total;
    if (HAK_UNLIKELY(__builtin_mul_overflow(count, bytes, &total)))
        return no_memory();
    if (HAK_UNLIKELY(total > HAK_CLASS_MAX_BYTES))
        return calloc_large(total);
    if (total > HAK_DIRECT_MAX_BYTES)
        return calloc_medium(total);
    const struct hak_heap_hot *hot = hak_heap_mine;
    return calloc_class(hot, hot->class_of[total], total);
}

/* In place if the block fits and at most half of it would be wasted. */
static bool stays(size_t bytes, size_t usable_bytes) {
    return bytes <= usable_bytes && (bytes > usable_bytes / 2 || usable_bytes <= 64);
}

static void *move_block(void *pointer, size_t usable_bytes, size_t bytes) {
    void *block = hak_alloc(hak_growth_hint_request(pointer, usable_bytes, bytes));
    if (!block)
        return NULL;
    if (bytes > usable_bytes)
        hak_growth_hint_note(pointer, block);
    memcpy(block, pointer, bytes < usable_bytes ? bytes : usable_bytes);
    hak_free(pointer);
    return block;
}

static void *resize_block(void *pointer, size_t usable_bytes, size_t bytes) {
    return stays(bytes, usable_bytes) ? pointer : move_block(pointer, usable_bytes, bytes);
}

/* What is behind `bytes` is watched over, and what the block may grow by, too. */
static void *resize_hardened(struct hak_slab *slab, void *pointer, size_t usable_bytes,
                             size_t bytes) {
    if (usable_bytes && hak_hardened_block_resize(slab, pointer, bytes))
        return pointer;
    void *block = move_block(pointer, usable_bytes, bytes);
    if (block && bytes > usable_bytes && bytes <= HAK_CLASS_MAX_BYTES / 2) {
        slab = hak_lookup_block(block).slab;
        if (slab && slab->size_class != HAK_CLASS_NONE)
            hak_hardened_block_resize(slab, block, bytes);
    }
    return block;
}

static HAK_SLOW void *resize_slow(void *pointer, size_t bytes) {
    struct hak_block_info info = hak_lookup_block(pointer);
    if (info.ownership == HAK_OWNED_BY_LIBC)
        return move_block(pointer, hak_libc_block_bytes(pointer), bytes);
    if (bytes == info.bytes)
        return pointer;
    if (info.ownership == HAK_OWNED_SAMPLED_GUARD)
        return move_block(pointer, info.bytes, bytes);
    bool is_large = info.bytes && info.slab->size_class == HAK_CLASS_NONE;
    if (is_large && bytes > HAK_CLASS_MAX_BYTES) {
        void *block = hak_large_resize(info.slab, pointer, bytes);
        return block ? block : no_memory();
    }
    if (HAK_UNLIKELY(hak_hardened.is_on) && !is_large)
        return resize_hardened(info.slab, pointer, info.bytes, bytes);
    if (HAK_UNLIKELY(hak_hardened.is_on) && info.bytes > HAK_CLASS_MAX_BYTES)
        return move_block(pointer, info.bytes, bytes);
    return resize_block(pointer, info.bytes, bytes);
}

HAK_EXPORT void *realloc(void *pointer, size_t bytes) {
    if (!pointer)
        return hak_alloc(bytes);
    if (bytes == 0) {
        hak_free(pointer);
        return NULL;
    }
    size_t size_class = hak_lookup_own_class(pointer);
    if (HAK_UNLIKELY(size_class == HAK_CLASS_NONE))
        return resize_slow(pointer, bytes);
    return resize_block(pointer, hak_size_class_bytes[size_class], bytes);
}

void *hak_api_reallocarray(void *pointer, size_t count, size_t bytes) {
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total))
        return no_memory();
    return hak_api_realloc(pointer, total);
}

/*
 * By the dynamic linker, as libc's: a program that defines malloc, realloc and free, but not these
 * that follow from them, would else get a block of ours or give us its own. hakmem-run lets it
 * alone, but doesn't see it if another program starts it.
 */
HAK_EXPORT void *reallocarray(void *pointer, size_t count, size_t bytes) {
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total))
        return no_memory();
    return realloc(pointer, total);
}

void *hak_api_memalign(size_t alignment, size_t bytes) {
    if (alignment <= 16)
        return hak_alloc(bytes);
    struct hak_heap *heap = hak_heap_get();
    if (HAK_UNLIKELY(!heap))
        heap = hak_thread_start_heap();
    if (HAK_UNLIKELY(hak_hardened.is_on)) {
        void *hardened = hak_hardened_general_alloc(heap, bytes, alignment);
        return hardened ? hardened : no_memory();
    }
    if (HAK_LIKELY(hak_max(alignment, bytes) <= HAK_CLASS_MAX_BYTES))
        return hak_alloc(hak_size_class_aligned_bytes(hak_max(bytes, 1), alignment));
    void *block = hak_large_alloc(bytes, alignment, NULL);
    return block ? block : no_memory();
}

HAK_EXPORT void *aligned_alloc(size_t alignment, size_t bytes) {
    if (!hak_is_power_of_two(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return hak_api_memalign(alignment, bytes);
}

/* glibc rounds an alignment up to a power of two, and 0 to the least one. */
HAK_EXPORT void *memalign(size_t alignment, size_t bytes) {
    if (alignment > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return NULL;
    }
    if (!hak_is_power_of_two(alignment))
        alignment = alignment <= 16 ? 16 : (size_t)1 << (hak_log2_floor(alignment) + 1);
    return hak_api_memalign(alignment, bytes);
}

HAK_EXPORT int posix_memalign(void **ret_pointer, size_t alignment, size_t bytes) {
    if (!hak_is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    void *block = hak_api_memalign(alignment, bytes);
    if (!block)
        return ENOMEM; /* in errno, too, as with glibc */
    *ret_pointer = block;
    return 0;
}

HAK_EXPORT void *valloc(size_t bytes) {
    return hak_api_memalign(hak_os_page_bytes, bytes);
}

HAK_EXPORT void *pvalloc(size_t bytes) {
    if (bytes > PTRDIFF_MAX - hak_os_page_bytes)
        return no_memory();
    size_t rounded = hak_round_up(bytes ? bytes : 1, hak_os_page_bytes);
    return hak_api_memalign(hak_os_page_bytes, rounded);
}

HAK_EXPORT size_t malloc_usable_size(void *pointer) {
    if (!pointer)
        return 0;
    size_t size_class = hak_lookup_own_class(pointer);
    if (HAK_LIKELY(size_class != HAK_CLASS_NONE))
        return hak_size_class_bytes[size_class];
    struct hak_block_info info = hak_lookup_block(pointer);
    return info.ownership == HAK_OWNED_BY_LIBC ? hak_libc_block_bytes(pointer) : info.bytes;
}

/*
 * The size is a promise; nothing depends on it, but check_delete holds the program to it. Whose
 * free it is, the dynamic linker says: see reallocarray.
 */
HAK_EXPORT void free_sized(void *pointer, size_t bytes) {
    if (HAK_UNLIKELY(hak_hardened.checks_delete))
        hak_hardened_block_check_size(pointer, bytes);
    free(pointer);
}

HAK_EXPORT void free_aligned_sized(void *pointer, size_t alignment, size_t bytes) {
    (void)alignment;
    free_sized(pointer, bytes);
}

HAK_EXPORT void cfree(void *pointer) {
    free(pointer);
}

HAK_EXPORT int malloc_trim(size_t pad_bytes) {
    (void)pad_bytes;
    return hak_heap_trim() != 0;
}

HAK_EXPORT int mallopt(int parameter, int value) {
    return hak_report_mallopt(parameter, value);
}

HAK_EXPORT struct mallinfo2 mallinfo2(void) {
    return hak_report_mallinfo();
}

HAK_EXPORT struct mallinfo mallinfo(void) {
    return hak_report_mallinfo_int();
}

HAK_EXPORT void malloc_stats(void) {
    hak_dump_log();
}

HAK_EXPORT int malloc_info(int options, FILE *stream) {
    if (options != 0) {
        errno = EINVAL;
        return -1;
    }
    return hak_report_xml(stream);
}

void *hak_api_malloc(size_t bytes) HAK_ALIAS(malloc);
void hak_api_free(void *pointer) HAK_ALIAS(free);
void *hak_api_calloc(size_t count, size_t bytes) HAK_ALIAS(calloc);
void *hak_api_realloc(void *pointer, size_t bytes) HAK_ALIAS(realloc);
void *hak_api_aligned_alloc(size_t alignment, size_t bytes) HAK_ALIAS(aligned_alloc);
int hak_api_posix_memalign(void **ret_pointer, size_t alignment, size_t bytes)
    HAK_ALIAS(posix_memalign);
void *hak_api_memalign_rounded(size_t alignment, size_t bytes) HAK_ALIAS(memalign);
size_t hak_api_usable_size(void *pointer) HAK_ALIAS(malloc_usable_size);

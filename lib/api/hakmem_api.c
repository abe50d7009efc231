/* SPDX-License-Identifier: MIT */
/*
 * Owns the hakmem_* names: the malloc family under names that nothing else can interpose. Any
 * thread may call. Each is a jump to the function behind the libc name.
 */
#include "hakmem.h"

#include "api/api.h"
#include "heap/thread.h"

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

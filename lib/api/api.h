/* SPDX-License-Identifier: MIT */
/*
 * Owns the internal names of the public allocation calls: hidden aliases that other files of the
 * api layer reach without going through the dynamic linker. Same contracts as in hakmem.h, errno
 * included. Any thread may call.
 */
#ifndef HAK_API_API_H
#define HAK_API_API_H

#include "base/compiler.h"

void *hak_api_malloc(size_t bytes);
void hak_api_free(void *pointer);
void *hak_api_calloc(size_t count, size_t bytes);
void *hak_api_realloc(void *pointer, size_t bytes);
void *hak_api_reallocarray(void *pointer, size_t count, size_t bytes);
void *hak_api_aligned_alloc(size_t alignment, size_t bytes);
int hak_api_posix_memalign(void **ret_pointer, size_t alignment, size_t bytes);
void *hak_api_memalign_rounded(size_t alignment, size_t bytes); /* memalign */
size_t hak_api_usable_size(void *pointer);

/* A block whose address is a multiple of `alignment`, a power of two. NULL and ENOMEM: no memory.
 */
void *hak_api_memalign(size_t alignment, size_t bytes);

#endif

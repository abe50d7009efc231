// SPDX-License-Identifier: MIT
// Owns the floor: the least that a malloc and a free can do, to hold figures against. Unsafe and
// for one thread: a bin for each class, the class in a byte at the head of a 64 KiB aligned chunk,
// nothing checked, nothing ever returned. Not a malloc to use.
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    CHUNK_BYTES = 65536,
    HEAD_BYTES = 64,
    SMALL_CLASSES = 65, /* by 16 bytes, up to 1 KiB */
    CLASSES = SMALL_CLASSES + 48,
    CHUNKS_AT_ONCE = 64
};

static void *bins[CLASSES];
static char *fresh, *fresh_end;

#define EXPORT __attribute__((visibility("default")))

/* Above 1 KiB: powers of two. */
static unsigned class_of(size_t bytes) {
    if (bytes <= 1024)
        return (unsigned)((bytes + 15) / 16);
    return SMALL_CLASSES + 64 - (unsigned)__builtin_clzll(bytes - 1) - 11;
}

static size_t bytes_of(unsigned size_class) {
    if (size_class < SMALL_CLASSES)
        return size_class != 0 ? size_class * 16UL : 16;
    return (size_t)2048 << (size_class - SMALL_CLASSES);
}

/* Aligned to a chunk. */
static char *chunks_map(size_t bytes) {
    char *mapped = mmap(NULL, bytes + CHUNK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    return (char *)(((uintptr_t)mapped + CHUNK_BYTES - 1) & ~(uintptr_t)(CHUNK_BYTES - 1));
}

static void *fill_large(unsigned size_class) {
    char *chunk = chunks_map(HEAD_BYTES + bytes_of(size_class));
    if (chunk == NULL)
        return NULL;
    *chunk = (char)size_class;
    return chunk + HEAD_BYTES;
}

/* The list of a whole chunk, so that malloc itself never carves. */
static __attribute__((noinline)) void *fill(unsigned size_class) {
    size_t bytes = bytes_of(size_class);
    if (bytes > CHUNK_BYTES / 4)
        return fill_large(size_class);
    if (fresh == fresh_end) {
        fresh = chunks_map((size_t)CHUNKS_AT_ONCE * CHUNK_BYTES);
        if (fresh == NULL) {
            fresh_end = NULL;
            return NULL;
        }
        fresh_end = fresh + (size_t)CHUNKS_AT_ONCE * CHUNK_BYTES;
    }
    char *chunk = fresh;
    fresh += CHUNK_BYTES;
    *chunk = (char)size_class;
    size_t count = (CHUNK_BYTES - HEAD_BYTES) / bytes;
    for (size_t i = 1; i < count; i++)
        *(void **)(void *)(chunk + HEAD_BYTES + i * bytes) =
            i + 1 < count ? chunk + HEAD_BYTES + (i + 1) * bytes : NULL;
    bins[size_class] = count > 1 ? chunk + HEAD_BYTES + bytes : NULL;
    return chunk + HEAD_BYTES;
}

static void **chunk_of(const void *pointer) {
    return (void **)((uintptr_t)pointer & ~(uintptr_t)(CHUNK_BYTES - 1));
}

EXPORT void *malloc(size_t bytes) {
    unsigned size_class = class_of(bytes);
    void *block = bins[size_class];
    if (__builtin_expect(block == NULL, 0))
        return fill(size_class);
    bins[size_class] = *(void **)block;
    return block;
}

EXPORT void free(void *pointer) {
    if (pointer == NULL)
        return;
    unsigned size_class = *(unsigned char *)chunk_of(pointer);
    *(void **)pointer = bins[size_class];
    bins[size_class] = pointer;
}

EXPORT void *calloc(size_t count, size_t bytes) {
    void *block = malloc(count * bytes);
    return block != NULL ? memset(block, 0, count * bytes) : NULL;
}

EXPORT void *realloc(void *pointer, size_t bytes) {
    if (pointer == NULL)
        return malloc(bytes);
    size_t room = bytes_of(*(unsigned char *)chunk_of(pointer));
    if (bytes <= room)
        return pointer;
    void *block = malloc(bytes);
    if (block == NULL)
        return NULL;
    memcpy(block, pointer, room);
    free(pointer);
    return block;
}

/* A chunk of its own, kept for ever: class 0's bin swallows it. Alignments up to half a chunk. */
EXPORT int posix_memalign(void **ret_pointer, size_t alignment, size_t bytes) {
    char *chunk = chunks_map(CHUNK_BYTES + bytes);
    if (chunk == NULL || alignment > CHUNK_BYTES / 2)
        return ENOMEM;
    *ret_pointer = chunk + (alignment > HEAD_BYTES ? alignment : HEAD_BYTES);
    return 0;
}

EXPORT void *memalign(size_t alignment, size_t bytes) {
    void *pointer;
    return posix_memalign(&pointer, alignment, bytes) == 0 ? pointer : NULL;
}

EXPORT void *aligned_alloc(size_t alignment, size_t bytes) {
    return memalign(alignment, bytes);
}

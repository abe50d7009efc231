/* SPDX-License-Identifier: MIT */
/*
 * libhakmem's own interface, for programs that link it (pkg-config --cflags --libs hakmem). A
 * program that is linked with the library, or started by hakmem-run, needs none of it: its malloc
 * is libhakmem's already. Every function may be called by any thread at any time.
 */
#ifndef HAKMEM_H
#define HAKMEM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The same as malloc, calloc, realloc and free of C17 7.22.3. Sizes in bytes. NULL and errno ENOMEM
 * when memory can't be had or a product overflows; a block is aligned to 16 bytes, also of size 0.
 * hakmem_calloc clears all that hakmem_usable_size tells. hakmem_realloc(p, 0) frees p and returns
 * NULL, as glibc does. hakmem_free(NULL) does nothing, and errno is kept (POSIX.1-2024). The blocks
 * are those of malloc: either free takes them.
 */
void *hakmem_malloc(size_t bytes);
void *hakmem_calloc(size_t count, size_t bytes);
void *hakmem_realloc(void *pointer, size_t bytes);
void hakmem_free(void *pointer);

/* realloc(pointer, count * bytes), or NULL and ENOMEM if that overflows (POSIX.1-2024). */
void *hakmem_reallocarray(void *pointer, size_t count, size_t bytes);

/*
 * A block whose address is a multiple of `alignment`: a power of two, else NULL and EINVAL
 * (hakmem_memalign rounds up to one, as glibc does). `bytes` may be any size. NULL and ENOMEM when
 * memory can't be had.
 */
void *hakmem_aligned_alloc(size_t alignment, size_t bytes);
void *hakmem_memalign(size_t alignment, size_t bytes);

/*
 * As POSIX.1-2024: 0 and *ret_pointer set; or EINVAL (alignment isn't a power of two and a multiple
 * of sizeof(void *)) or ENOMEM, *ret_pointer untouched. ENOMEM is left in errno, too, as by glibc.
 */
int hakmem_posix_memalign(void **ret_pointer, size_t alignment, size_t bytes);

/*
 * Bytes that the program may use at `pointer`: at least what was asked for, the same for the
 * block's whole life; hakmem_realloc to that size stays in place. 0 for NULL. A pointer that is no
 * live block ends the process with a report.
 */
size_t hakmem_usable_size(void *pointer);

/* C23 7.24.3: free by a caller that knows the size (and alignment) it asked for. */
void hakmem_free_sized(void *pointer, size_t bytes);
void hakmem_free_aligned_sized(void *pointer, size_t alignment, size_t bytes);

/* The library's version, "MAJOR.MINOR.PATCH"; a constant string. */
const char *hakmem_version(void);

/*
 * Gives the calling thread's cached blocks and all free pages of the process back to the system.
 * Returns the bytes given back; 0 when there was nothing to give. Other threads follow with what
 * they cache, a portion at a time, in their own next calls. Any thread may call; it takes its time,
 * but keeps no other thread waiting. malloc_trim(3) does the same.
 */
size_t hakmem_purge(void);

/*
 * For programs that move their blocks to get rid of fragmentation: 1 if `pointer` lies in a slab of
 * the calling thread that is worth emptying, so that the program should allocate the block anew and
 * free this one, at once or later; else 0. Once the result was 1 for a slab, malloc hands out other
 * memory first, and what is freed in the slab is not handed out again; when the slab is empty it
 * goes back to the system. Slabs are chosen so that others have room for their blocks. Ends the
 * process as hakmem_usable_size does.
 */
int hakmem_defrag_hint(void *pointer);

/*
 * One figure or counter of the whole process, by its name in hakmem(7). 0 and *ret_value set, or
 * ENOENT. Exact while no other thread allocates or frees.
 */
int hakmem_stats_get(const char *name, uint64_t *ret_value);

/* Calls `visit` for each of them: all values are of one moment. `visit` may allocate. */
void hakmem_stats_each(void (*visit)(void *context, const char *name, const char *unit,
                                     uint64_t value),
                       void *context);

/* One size class of the whole process; blocks are counted. */
struct hakmem_class_stats {
    uint64_t block_bytes;
    uint64_t allocations;
    uint64_t frees;
    uint64_t live_blocks;
    uint64_t cached_blocks; /* in thread caches, or on their way back to their slabs */
    uint64_t free_blocks;   /* in slabs */
    uint64_t slabs;
};

/* The classes are counted from 0, smallest first. 0 and *ret_stats set, or ENOENT: no such class.
 */
int hakmem_stats_class(unsigned index, struct hakmem_class_stats *ret_stats);

/* Writes a line `name value unit` for each figure and counter; 0, or an errno value. */
int hakmem_stats_write(int descriptor);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the recognition of glibc's blocks by the header in front of them, and by where they lie
 * (glibc, malloc.c: "Vital statistics", chunk layout; arena.c: heaps of HEAP_MAX_SIZE). It opens no
 * file: a sandbox may be in force. It reads only memory that the kernel says can be read. Any
 * thread, no state.
 */
#include "front/libc_block.h"

#include "base/bits.h"
#include "conf/conf.h"
#include "core/region.h"
#include "os/os_fatal.h"
#include "os/os_memory.h"
#include "stats/process.h"

/* glibc exports its own free under this name; absent from a static program that doesn't need it. */
extern void __libc_free(void *pointer) __attribute__((weak));

#define CHUNK_IS_MAPPED 2u
#define CHUNK_IN_ARENA 4u
#define CHUNK_FLAGS 7u
#define CHUNK_MIN_BYTES 32u
#define ARENA_HEAP_BYTES HAK_MIB(64) /* HEAP_MAX_SIZE of 64-bit glibc */

struct chunk_header {
    size_t previous_bytes;
    size_t bytes_and_flags;
};

/* At the start of each heap of an arena that is not the main one. */
struct arena_heap {
    uintptr_t arena;
    uintptr_t previous;
    size_t bytes;
};

static struct chunk_header header_of(const void *pointer) {
    return ((const struct chunk_header *)pointer)[-1];
}

static size_t bytes_of(struct chunk_header header) {
    return header.bytes_and_flags & ~(size_t)CHUNK_FLAGS;
}

/* A chunk that glibc mapped for itself starts at a page, `previous_bytes` before its header. */
static bool is_mapped_chunk(uintptr_t address, struct chunk_header header) {
    size_t total = header.previous_bytes + bytes_of(header);
    uintptr_t start = address - sizeof header - header.previous_bytes;
    return start % hak_os_page_bytes == 0 && total % hak_os_page_bytes == 0 && total != 0 &&
           start < address && hak_os_is_readable((const void *)start, 1) &&
           hak_os_is_readable((const void *)(start + total - 1), 1);
}

/* A thread's arena consists of heaps, each at a multiple of its largest size. */
static bool is_in_arena_heap(uintptr_t address, size_t bytes) {
    uintptr_t start = hak_round_down(address, ARENA_HEAP_BYTES);
    const struct arena_heap *heap = (const struct arena_heap *)start;
    return hak_os_is_readable(heap, sizeof *heap) && heap->arena != 0 &&
           heap->arena % sizeof(void *) == 0 && heap->bytes <= ARENA_HEAP_BYTES &&
           heap->bytes % hak_os_page_bytes == 0 && bytes <= heap->bytes &&
           address - sizeof(struct chunk_header) - start <= heap->bytes - bytes;
}

static bool chunk_is_sound(uintptr_t address, struct chunk_header header) {
    size_t bytes = bytes_of(header);
    if (bytes < CHUNK_MIN_BYTES || bytes % 16 != 0)
        return false;
    if (header.bytes_and_flags & CHUNK_IS_MAPPED)
        return is_mapped_chunk(address, header);
    if (header.bytes_and_flags & CHUNK_IN_ARENA)
        return is_in_arena_heap(address, bytes);
    return hak_os_is_in_brk(address - sizeof header, bytes);
}

bool hak_libc_block_is(const void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    const struct chunk_header *header = (const struct chunk_header *)pointer - 1;
    if (!hak_conf.libc_free || address % 16 != 0 || !__libc_free)
        return false;
    return address >= hak_os_page_bytes && hak_os_is_readable(header, sizeof *header) &&
           chunk_is_sound(address, *header);
}

void hak_libc_block_free(void *pointer) {
    if (HAK_UNLIKELY(!hak_libc_block_is(pointer)))
        hak_fatal(HAK_FATAL_INVALID_FREE, pointer, 0, HAK_NO_THREAD);
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.libc_frees++;
    hak_lock_release(&hak_heap_lock);
    __libc_free(pointer);
}

size_t hak_libc_block_bytes(const void *pointer) {
    struct chunk_header header = header_of(pointer);
    size_t overhead =
        header.bytes_and_flags & CHUNK_IS_MAPPED ? 2 * sizeof(size_t) : sizeof(size_t);
    return bytes_of(header) - overhead;
}

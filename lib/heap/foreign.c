/* SPDX-License-Identifier: MIT */
/*
 * Owns the recognition of glibc's blocks by the header in front of them and the mapping that they
 * lie in (glibc, malloc.c: "Vital statistics", chunk layout; arena.c: heaps of HEAP_MAX_SIZE). It
 * reads only memory that /proc/self/maps shows to be mapped. Stateless, any thread.
 */
#include "heap/foreign.h"

#include "base/bits.h"
#include "conf/conf.h"
#include "heap/range.h"
#include "os/os_fatal.h"
#include "os/os_maps.h"
#include "os/os_memory.h"
#include "stats/process.h"

/* glibc exports its own free under this name; absent from a static program that doesn't need it. */
extern void __libc_free(void *pointer) __attribute__((weak));

#define CHUNK_IS_MAPPED 2u
#define CHUNK_IN_ARENA 4u
#define CHUNK_FLAGS 7u
#define ARENA_HEAP_BYTES HAK_MIB(64) /* HEAP_MAX_SIZE of 64-bit glibc */

struct chunk_header {
    size_t previous_bytes;
    size_t bytes_and_flags;
};

static struct chunk_header header_of(const void *pointer) {
    return ((const struct chunk_header *)pointer)[-1];
}

/* A chunk that glibc mapped for itself starts at a page, `previous_bytes` before its header. */
static bool is_mapped_chunk(uintptr_t address, struct chunk_header header) {
    size_t total = header.previous_bytes + (header.bytes_and_flags & ~(size_t)CHUNK_FLAGS);
    uintptr_t start = address - sizeof header - header.previous_bytes;
    return start % hak_os_page_bytes == 0 && total % hak_os_page_bytes == 0 && total != 0;
}

static bool chunk_is_sound(uintptr_t address, const struct hak_map *map,
                           struct chunk_header header) {
    size_t bytes = header.bytes_and_flags & ~(size_t)CHUNK_FLAGS;
    if (bytes < 32 || bytes % 16 != 0)
        return false;
    if (header.bytes_and_flags & CHUNK_IS_MAPPED)
        return is_mapped_chunk(address, header);
    if (map->kind == HAK_MAP_BRK)
        return bytes <= map->end - (address - sizeof header);
    return (header.bytes_and_flags & CHUNK_IN_ARENA) &&
           map->start >= hak_round_down(address, ARENA_HEAP_BYTES);
}

bool hak_foreign_is_libc(const void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    if (!hak_conf.libc_free || address % 16 != 0 || !__libc_free)
        return false;
    struct hak_map map = hak_os_map_at(address);
    if (map.kind == HAK_MAP_UNKNOWN)
        return true; /* no /proc: libc has its own checks */
    if ((map.kind != HAK_MAP_BRK && map.kind != HAK_MAP_ANONYMOUS) || !map.is_writable)
        return false;
    if (address - map.start < sizeof(struct chunk_header))
        return false;
    return chunk_is_sound(address, &map, header_of(pointer));
}

void hak_foreign_free(void *pointer) {
    if (HAK_UNLIKELY(!hak_foreign_is_libc(pointer)))
        hak_fatal(HAK_FATAL_INVALID_FREE, pointer, 0, HAK_NO_THREAD);
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.foreign_frees++;
    hak_lock_give(&hak_heap_lock);
    __libc_free(pointer);
}

size_t hak_foreign_bytes(const void *pointer) {
    struct chunk_header header = header_of(pointer);
    size_t overhead =
        header.bytes_and_flags & CHUNK_IS_MAPPED ? 2 * sizeof(size_t) : sizeof(size_t);
    return (header.bytes_and_flags & ~(size_t)CHUNK_FLAGS) - overhead;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the question "what lies at this address?", answered from /proc/self/maps. Asked for pointers
 * that the allocator doesn't know, before it says a last word about them. Thread-safe, no state.
 */
#ifndef HAK_OS_MAPS_H
#define HAK_OS_MAPS_H

#include "base/compiler.h"

enum hak_map_kind {
    HAK_MAP_UNKNOWN,
    HAK_MAP_NOTHING,
    HAK_MAP_FILE,
    HAK_MAP_STACK,
    HAK_MAP_BRK,
    HAK_MAP_ANONYMOUS
};

struct hak_map {
    enum hak_map_kind kind;
    uintptr_t start;
    uintptr_t end;
    bool is_writable;
};

/* HAK_MAP_UNKNOWN when /proc can't be read. errno is kept. */
struct hak_map hak_os_map_at(uintptr_t address);

/* Copies the text of the list of mappings, whole lines; returns the bytes. errno is kept. */
size_t hak_os_maps_copy(char *to, size_t room);

/* How many mappings lie in [start, end). 0 when /proc can't be read. errno is kept. */
size_t hak_os_maps_count(uintptr_t start, uintptr_t end);

/* vm.max_map_count: how many a process may have; 0: not known. errno is kept. */
size_t hak_os_maps_most(void);

#endif

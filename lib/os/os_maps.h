/* SPDX-License-Identifier: MIT */
/*
 * Owns the questions about the process's mappings that the list of them answers. Files are opened:
 * only at the process's start and end, for a profile, and when HAKMEM_LOG asks why memory could not
 * be had. Under a filter that kills on open, neither is for a process. Thread-safe, no state.
 */
#ifndef HAK_OS_MAPS_H
#define HAK_OS_MAPS_H

#include "base/compiler.h"

/* Copies the text of the list of mappings, whole lines; returns the bytes. errno is kept. */
size_t hak_os_maps_copy(char *to, size_t room);

/* How many mappings lie in [start, end). 0 when /proc can't be read. errno is kept. */
size_t hak_os_maps_count(uintptr_t start, uintptr_t end);

/* vm.max_map_count: how many a process may have; 0: not known. errno is kept. */
size_t hak_os_maps_most(void);

#endif

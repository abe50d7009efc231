/* SPDX-License-Identifier: MIT */
/*
 * Owns the list of mappings, which a profile needs to be read. A file is opened: only at the start
 * and the end of a process that is profiled. Thread-safe, no state.
 */
#ifndef HAK_OS_MAPS_H
#define HAK_OS_MAPS_H

#include "base/compiler.h"

/* Copies the text of the list of mappings, whole lines; returns the bytes. errno is kept. */
size_t hak_os_maps_copy(char *to, size_t room);

#endif

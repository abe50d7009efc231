/* SPDX-License-Identifier: MIT */
/*
 * Owns the pointers that aren't ours: blocks that libc itself allocated, before us or behind our
 * back, are passed on to it; anything else is nobody's. Any thread may call.
 */
#ifndef HAK_FRONT_LIBC_BLOCK_H
#define HAK_FRONT_LIBC_BLOCK_H

#include "base/compiler.h"

/* True if libc's own allocator can have returned the pointer. */
bool hak_libc_block_is(const void *pointer);

/* Passes libc's block on to libc, or reports. */
void hak_libc_block_free(void *pointer);

/* Usable bytes of a block of libc's. */
size_t hak_libc_block_bytes(const void *pointer);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the library's first moment. ld.so relocates this library, later the main program (running
 * its IFUNC resolvers, which may call malloc), and only then fills the main thread's thread-local
 * words from their images. Until then hak_heap_mine would be NULL. An IFUNC of our own is resolved
 * as the last of this library's relocations: early enough to set the word by hand.
 */
#include "core/heap.h"

static void nothing(void) {}

/* "used": clang doesn't see that the attribute below names it. */
__attribute__((used)) static void (*resolve_early(void))(void) {
    if (!hak_heap_mine)
        hak_heap_mine = &hak_heap_none;
    return nothing;
}

void hak_early(void) __attribute__((ifunc("resolve_early"), visibility("hidden")));

/* The reference that makes the linker keep the IFUNC's relocation. */
__attribute__((constructor)) static void hak_keep_early(void) {
    hak_early();
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the declaration of struct mallinfo2 and mallinfo2 where libc's malloc.h has none (glibc
 * before 2.33): the library exports the function all the same. Anybody may include it.
 */
#ifndef HAK_BASE_MALLINFO_H
#define HAK_BASE_MALLINFO_H

#include <malloc.h>
#include <stddef.h>

#if defined(__GLIBC__) && !__GLIBC_PREREQ(2, 33)
/* The layout is glibc's: programs that were built with a later one call it. */
struct mallinfo2 {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
struct mallinfo2 mallinfo2(void);
#endif

#endif

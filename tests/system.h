/* SPDX-License-Identifier: MIT */
/*
 * Owns the calls that the library gets memory by, when a test stands between it and the system:
 * mmap, munmap, mprotect, madvise and mremap of this program, which the library is bound to as
 * well. Who includes this defines must_fail, which says whether a call is refused, and sets errno
 * if so. Any thread may call them.
 */
#ifndef TESTS_SYSTEM_H
#define TESTS_SYSTEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum system_call { MMAP, MUNMAP, MPROTECT, MADVISE, MREMAP, SYSTEM_CALLS };

static bool must_fail(enum system_call call);

/* A test that defines TESTS_ANSWER_MREMAP answers calls of mremap itself. */
static void *answer_mremap(void *start, size_t bytes, size_t new_bytes, int flags, void *place);
#ifndef TESTS_ANSWER_MREMAP
static void *answer_mremap(void *start, size_t bytes, size_t new_bytes, int flags, void *place) {
    return (void *)syscall(SYS_mremap, start, bytes, new_bytes, flags, place);
}
#endif

void *mmap(void *start, size_t bytes, int protection, int flags, int file, off_t offset) {
    if (must_fail(MMAP))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, start, bytes, protection, flags, file, offset);
}

int munmap(void *start, size_t bytes) {
    return must_fail(MUNMAP) ? -1 : (int)syscall(SYS_munmap, start, bytes);
}

int mprotect(void *start, size_t bytes, int protection) {
    return must_fail(MPROTECT) ? -1 : (int)syscall(SYS_mprotect, start, bytes, protection);
}

int madvise(void *start, size_t bytes, int advice) {
    return must_fail(MADVISE) ? -1 : (int)syscall(SYS_madvise, start, bytes, advice);
}

void *mremap(void *start, size_t bytes, size_t new_bytes, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    void *place = va_arg(rest, void *);
    va_end(rest);
    if (must_fail(MREMAP))
        return MAP_FAILED;
    return answer_mremap(start, bytes, new_bytes, flags, place);
}

#endif

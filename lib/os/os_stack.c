/* SPDX-License-Identifier: MIT */
/*
 * Owns the asking whether stack pages may be read: by madvise, a call that the allocator makes
 * anyway, so that no sandbox sees a new one. Stateless.
 */
#define _GNU_SOURCE
#include "os/os_stack.h"

#include "base/bits.h"
#include "os/os_memory.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14; before, one page is what is had */
#endif

/* The first address above that can't be stack: a thread's lies below its thread pointer, the first
 * one's below what the kernel put there. On any other stack neither is near. */
static uintptr_t end_of_stack(uintptr_t address, uintptr_t end) {
    uintptr_t marks[] = {hak_thread_pointer(), (uintptr_t)getauxval(AT_RANDOM)};
    for (unsigned i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (marks[i] > address && marks[i] < end)
            end = marks[i] & ~(uintptr_t)7;
    return end;
}

/* Pages from `start` on that can be read, the first of them known to be. */
static size_t readable_bytes(uintptr_t start, size_t bytes) {
    int saved_errno = errno;
    while (bytes > hak_os_page_bytes && madvise((void *)start, bytes, MADV_POPULATE_READ) != 0)
        bytes = hak_round_up(bytes / 2, hak_os_page_bytes);
    errno = saved_errno;
    return bytes;
}

/* Word by word: sanitizers have something against reading whole stacks. */
__attribute__((no_sanitize("address", "thread"))) size_t hak_os_stack_copy(uintptr_t address,
                                                                           void *to, size_t bytes) {
    uintptr_t page = address & ~(uintptr_t)(hak_os_page_bytes - 1);
    uintptr_t end = end_of_stack(address, address + bytes);
    uintptr_t readable_end =
        page + readable_bytes(page, hak_round_up(end - page, hak_os_page_bytes));
    size_t words = ((end < readable_end ? end : readable_end) - address) / sizeof(uint64_t);
    const volatile uint64_t *from = (const volatile uint64_t *)address;
    for (size_t i = 0; i < words; i++)
        ((volatile uint64_t *)to)[i] = from[i];
    return words * sizeof(uint64_t);
}

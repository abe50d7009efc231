/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/os/os_memory on system calls that fail when they are half done: a range that could
 * not be made inaccessible is usable, one that could not be unmapped is in core dumps, one that was
 * unmapped is mapped again. And what the kernel is asked about mappings is answered rightly, and
 * pages are brought in, by a kernel that does not know all that it is asked, too.
 */
#include "os/os_memory.h"

#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGES = 8 };
enum { POPULATE_READ = 22, POPULATE_WRITE = 23 }; /* Linux 5.14 */

static size_t page;
static enum { NOTHING, DENY, HIDE, RENEW, NO_MEMORY, OLD_KERNEL } failing;
static unsigned failures, shown;

static char *map_pages(void) {
    char *pages = (char *)syscall(SYS_mmap, NULL, PAGES * page, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    memset(pages, 1, PAGES * page);
    return pages;
}

/* In place of libc's, for the library, too. What fails has changed the first half. */
int mprotect(void *start, size_t bytes, int protection) {
    if (failing != DENY || protection != PROT_NONE)
        return (int)syscall(SYS_mprotect, start, bytes, protection);
    failures++;
    CHECK(syscall(SYS_mprotect, start, bytes / 2, PROT_NONE) == 0);
    errno = ENOMEM;
    return -1;
}

int madvise(void *start, size_t bytes, int advice) {
    shown += advice == MADV_DODUMP;
    if (failing == HIDE && advice == MADV_DONTDUMP) {
        CHECK(syscall(SYS_madvise, start, bytes / 2, advice) == 0);
        errno = ENOMEM;
    } else if (failing == OLD_KERNEL && (advice == POPULATE_READ || advice == POPULATE_WRITE)) {
        errno = EINVAL;
    } else if (failing == NO_MEMORY && advice == POPULATE_WRITE && bytes) {
        errno = ENOMEM;
    } else {
        return (int)syscall(SYS_madvise, start, bytes, advice);
    }
    failures++;
    return -1;
}

/* Three times it has unmapped what was there. */
void *mmap(void *start, size_t bytes, int protection, int flags, int file, off_t offset) {
    if (failing != RENEW || failures == 3)
        return (void *)syscall(SYS_mmap, start, bytes, protection, flags, file, offset);
    failures++;
    CHECK(syscall(SYS_munmap, start, bytes) == 0);
    errno = ENOMEM;
    return MAP_FAILED;
}

static void fail(int kind) {
    failing = kind;
    failures = shown = 0;
}

static void test_half_done(void) {
    char *pages = map_pages();
    errno = 77;
    fail(DENY);
    CHECK(!hak_os_make_inaccessible(pages, PAGES * page) && failures == 1);
    memset(pages, 2, PAGES * page);
    fail(HIDE);
    CHECK(!hak_os_exclude_from_dumps(pages, PAGES * page, true) && failures == 1 && shown == 1);
    fail(RENEW);
    CHECK(hak_os_renew(pages, PAGES * page) && failures == 3);
    for (size_t at = 0; at < PAGES * page; at++)
        CHECK(pages[at] == 0);
    fail(NOTHING);
    CHECK(errno == 77);
    CHECK(munmap(pages, PAGES * page) == 0);
}

static void test_one_mapping(void) {
    char *pages = map_pages();
    size_t bytes = (PAGES - 1) * page; /* something lies behind */
    CHECK(hak_os_is_one_mapping(pages, bytes));
    CHECK(hak_os_is_one_mapping(pages, page));
    CHECK(mprotect(pages + 3 * page, page, PROT_READ) == 0);
    CHECK(!hak_os_is_one_mapping(pages, bytes));
    CHECK(hak_os_is_one_mapping(pages, 3 * page));
    CHECK(!hak_os_is_one_mapping(pages, 4 * page));
    CHECK(mprotect(pages + 3 * page, page, PROT_READ | PROT_WRITE) == 0);
    CHECK(hak_os_is_one_mapping(pages, bytes));
    CHECK(madvise(pages, page, MADV_DONTFORK) == 0);
    CHECK(!hak_os_is_one_mapping(pages, bytes));
    CHECK(hak_os_renew(pages, PAGES * page) && hak_os_is_one_mapping(pages, bytes));
    CHECK(munmap(pages, PAGES * page) == 0);
}

static void test_readable(void) {
    char *pages = map_pages();
    for (int kernel = 0; kernel < 2; kernel++) {
        fail(kernel ? OLD_KERNEL : NOTHING);
        CHECK(hak_os_is_readable(pages + 100, 3 * page));
        CHECK(hak_os_is_readable("text", 4));
        CHECK(!hak_os_is_readable((const void *)16, 16));
        CHECK(!hak_os_is_readable((const void *)((uintptr_t)1 << 62), 16));
    }
    fail(NOTHING);
    CHECK(munmap(pages + page, page) == 0);
    CHECK(hak_os_is_readable(pages + page - 16, 16) && !hak_os_is_readable(pages + page - 16, 17));
    CHECK(munmap(pages, PAGES * page) == 0);
    void *given = sbrk(4096);
    CHECK(given != (void *)-1);
    CHECK(hak_os_is_in_brk((uintptr_t)given, 4096));
    CHECK(!hak_os_is_in_brk((uintptr_t)given, (size_t)1 << 40));
    CHECK(!hak_os_is_in_brk((uintptr_t)&page, 8) && !hak_os_is_in_brk((uintptr_t)&given, 8));
}

static unsigned resident_pages(char *pages) {
    unsigned char in[PAGES];
    unsigned count = 0;
    CHECK(mincore(pages, PAGES * page, in) == 0);
    for (int i = 0; i < PAGES; i++)
        count += in[i] & 1;
    return count;
}

/* Six of eight pages, twice; one of them has been written. */
static void populate(int kind, unsigned refusals, unsigned resident) {
    char *pages = map_pages();
    CHECK(hak_os_renew(pages, PAGES * page) && resident_pages(pages) == 0);
    errno = 77;
    fail(kind);
    pages[2 * page] = 5;
    hak_os_populate(pages + page, (PAGES - 2) * page);
    hak_os_populate(pages + page, (PAGES - 2) * page);
    CHECK(errno == 77 && failures == refusals);
    CHECK(resident_pages(pages) == resident);
    for (size_t at = 0; at < PAGES * page; at++)
        CHECK(pages[at] == (at == 2 * page ? 5 : 0));
    fail(NOTHING);
    CHECK(munmap(pages, PAGES * page) == 0);
}

/* What fails for lack of memory is left to faults to come, and asked for again the next time. What
 * the kernel does not know is done by writing: it is asked twice, then no more by this process. */
static void test_populate(void) {
    char *pages = map_pages();
    bool is_known = syscall(SYS_madvise, pages, 0, POPULATE_WRITE) == 0;
    CHECK(munmap(pages, PAGES * page) == 0);
    populate(NOTHING, 0, PAGES - 2);
    if (is_known) {
        populate(NO_MEMORY, 2, 1);
        populate(OLD_KERNEL, 2, PAGES - 2);
    }
}

int main(void) {
    hak_os_memory_start();
    page = hak_os_page_bytes;
    test_half_done();
    test_one_mapping();
    test_readable();
    test_populate();
    return 0;
}

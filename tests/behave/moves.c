/* SPDX-License-Identifier: MIT */
/*
 * realloc of large blocks, whatever the kernel answers: mremap without MREMAP_DONTUNMAP (before
 * Linux 5.7), one that fails when it has already unmapped its target, a target that can't be mapped
 * again, and blocks that are several mappings because the program gave advice about a part of
 * them. The content is kept, or realloc fails and the old block is whole. And page faults are
 * counted: a buffer that grows costs about those of its own pages.
 */
#define TESTS_ANSWER_MREMAP
#include "check.h"
#include "system.h"

#include <sys/resource.h>
#include <sys/wait.h>

enum { PAGE = 4096, MIB = 1 << 20 };

static enum { PLAIN, OLD_KERNEL, NO_MOVE, NO_TARGET } kernel;
static unsigned moves, refusals;
static bool is_target_lost;

static bool must_fail(enum system_call call) {
    if (call == MMAP && is_target_lost) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

/* In place of the one in system.h, which only refuses. */
static void *answer_mremap(void *start, size_t bytes, size_t new_bytes, int flags, void *place) {
    bool is_old = kernel == OLD_KERNEL && flags & 4 /* MREMAP_DONTUNMAP */;
    if (is_old || (kernel >= NO_MOVE && flags & MREMAP_FIXED)) {
        if (!is_old)
            syscall(SYS_munmap, place, new_bytes);
        is_target_lost = kernel == NO_TARGET;
        refusals++;
        errno = is_old ? EINVAL : ENOMEM;
        return MAP_FAILED;
    }
    moves += (flags & MREMAP_FIXED) != 0;
    return (void *)syscall(SYS_mremap, start, bytes, new_bytes, flags, place);
}

/* A word in each page that depends on its place. */
static void write_pages(char *block, size_t from, size_t to) {
    for (size_t at = from; at < to; at += PAGE)
        *(size_t *)(block + at) = at ^ 0x5aa5;
}

static bool has_pages(const char *block, size_t bytes) {
    for (size_t at = 0; at < bytes; at += PAGE)
        if (*(const size_t *)(block + at) != (at ^ 0x5aa5))
            return false;
    return true;
}

static char *make_block(size_t bytes) {
    char *block = check_keep(malloc(bytes));
    CHECK(block != NULL);
    write_pages(block, 0, bytes);
    return block;
}

/* Something behind the block keeps it from growing where it is. */
static char *grow(char *block, size_t from, size_t to, void **ret_wall) {
    *ret_wall = malloc(100000);
    char *grown = check_keep(realloc(block, to));
    CHECK(grown && has_pages(grown, from));
    write_pages(grown, from, to);
    CHECK(has_pages(grown, to));
    return grown;
}

static void check_doubling(void) {
    void *walls[8];
    size_t bytes = MIB;
    char *block = make_block(bytes);
    for (int i = 0; bytes < (size_t)128 * MIB; i++, bytes *= 2)
        block = grow(block, bytes, bytes * 2, &walls[i]);
    for (int i = 0; i < 7; i++)
        free(walls[i]);
    free(block);
}

/* No move may work; then realloc fails as a whole, and later it works. */
static void check_lost_target(void) {
    size_t bytes = (size_t)48 * MIB;
    char *block = make_block(bytes);
    void *wall = check_keep(malloc(100000));
    kernel = NO_TARGET;
    char *grown = check_keep(realloc(block, bytes * 2));
    CHECK(grown == NULL && errno == ENOMEM && refusals > 0);
    kernel = PLAIN;
    is_target_lost = false;
    CHECK(has_pages(block, bytes));
    free(wall);
    block = grow(block, bytes, bytes * 2, &wall);
    free(wall);
    free(block);
}

static void split_by_advice(char *block, size_t bytes) {
    madvise(block + PAGE, bytes - PAGE, MADV_HUGEPAGE);
}

static void split_by_protection(char *block, size_t bytes) {
    CHECK(mprotect(block + bytes / 3 / PAGE * PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
}

static void split_in_many(char *block, size_t bytes) {
    for (size_t at = PAGE; at < bytes; at += 64 * PAGE)
        CHECK(madvise(block + at, PAGE, MADV_DONTFORK) == 0);
}

/* The page at the end lies elsewhere before, so its mapping is no part of the others. */
static void split_by_move(char *block, size_t bytes) {
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    char *last = block + bytes - PAGE;
    memcpy(page, last, PAGE);
    CHECK((char *)syscall(SYS_mremap, page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, last) ==
          last);
}

static void check_split(void (*split)(char *, size_t)) {
    void *walls[6];
    size_t bytes = (size_t)4 * MIB;
    char *block = make_block(bytes);
    for (int i = 0; i < 5; i++, bytes *= 2) {
        split(block, bytes);
        block = grow(block, bytes, bytes * 2, &walls[i]);
    }
    for (int i = 0; i < 5; i++)
        free(walls[i]);
    free(block);
}

static void check_contents(void) {
    check_doubling();
    check_split(split_by_advice);
    check_split(split_by_protection);
    check_split(split_in_many);
    check_split(split_by_move);
}

static long faults(void) {
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_minflt;
}

/* Buffers that double to 600 KB, again and again, beside blocks of other sizes. */
static void check_short_buffers(void) {
    long before = faults();
    for (int round = 0; round < 300; round++) {
        void *others[12];
        for (int i = 0; i < 12; i++)
            memset(others[i] = malloc(30000), 2, 30000);
        char *buffer = malloc(1024);
        for (size_t room = 1024, end = 4096; end < 600000; end += 4096) {
            while (end > room)
                buffer = realloc(buffer, room *= 2);
            memset(buffer + end - 4096, 1, 4096);
        }
        for (int i = 0; i < 12; i++)
            free(others[i]);
        free(buffer);
    }
    printf("%ld faults in 300 rounds of short buffers\n", faults() - before);
    CHECK(faults() - before < 6000); /* 20 a round */
}

/* One that grows to 256 MiB by an eighth at a time. */
static void check_long_buffer(void) {
    enum { WALLS = 100 };
    void *walls[WALLS];
    long before = faults();
    size_t limit = (size_t)256 * MIB, bytes = MIB;
    int count = 0;
    char *block = make_block(bytes);
    while (bytes < limit) {
        size_t next = (bytes + bytes / 8) / PAGE * PAGE;
        CHECK(count < WALLS);
        walls[count++] = malloc(100000);
        block = check_keep(realloc(block, next));
        CHECK(block != NULL);
        write_pages(block, bytes, next);
        bytes = next;
    }
    CHECK(has_pages(block, bytes));
    printf("%ld faults for %zu pages, %u moves\n", faults() - before, bytes / PAGE, moves);
    CHECK(moves > 0 && faults() - before < (long)(bytes / PAGE) * 5 / 4);
    while (count)
        free(walls[--count]);
    free(block);
}

static void run(void (*test)(void)) {
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        test();
        fflush(stdout);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
    bool is_counted = check_resident_bytes() != 0 && sysconf(_SC_PAGESIZE) == PAGE;
    if (is_counted) {
        run(check_short_buffers);
        run(check_long_buffer);
    }
    run(check_contents);
    run(check_lost_target);
    kernel = OLD_KERNEL;
    run(check_contents);
    kernel = NO_MOVE;
    run(check_contents);
    return 0;
}

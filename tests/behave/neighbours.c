/* SPDX-License-Identifier: MIT */
/*
 * A program changes the mapping of its own block, or of a part of it, and frees the block as it is:
 * by mprotect, madvise, mlock, munmap and mmap. Whoever gets memory there next finds it readable,
 * writable, private and without that advice. And programs that do none of this pay for it with no
 * page faults: blocks that are replaced go on using the same pages.
 */
#include "check.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { MIB = 1 << 20, BLOCKS = 12 };

static int shared_file = -1;

static void map_file(char *start, size_t bytes, int flags) {
    CHECK(mmap(start, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, shared_file, 0) == start);
}

static void change(int kind, char *start, size_t bytes) {
    switch (kind) {
    case 0:
        CHECK(mprotect(start, bytes, PROT_READ) == 0);
        break;
    case 1:
        CHECK(mprotect(start, bytes, PROT_NONE) == 0);
        break;
    case 2:
        map_file(start, bytes, MAP_SHARED);
        break;
    case 3:
        map_file(start, bytes, MAP_PRIVATE);
        break;
    case 4:
        CHECK(munmap(start, bytes) == 0);
        break;
    case 5:
        madvise(start, bytes, MADV_DONTFORK);
        break;
    case 6:
        madvise(start, bytes, 18 /* MADV_WIPEONFORK */);
        break;
    case 7:
        madvise(start, bytes, MADV_DONTDUMP);
        break;
    case 8:
        madvise(start, bytes, MADV_MERGEABLE);
        break;
    case 9:
        madvise(start, bytes, MADV_HUGEPAGE);
        break;
    case 10:
        madvise(start, bytes, MADV_SEQUENTIAL);
        break;
    case 11:
        (void)mlock(start, bytes > 16384 ? 16384 : bytes);
        break;
    default:
        CHECK(!"a kind of change");
    }
}

enum { KINDS = 12 };

/* Each stands between blanks. */
static const char *const bad_flags[] = {"dc", "wf", "dd", "mg", "hg", "sr", "lo", "sh"};

/* "VmFlags: rd wr mr ..." */
static void check_flags(const char *line) {
    for (unsigned i = 0; i < sizeof bad_flags / sizeof bad_flags[0]; i++)
        for (const char *at = line; (at = strstr(at, bad_flags[i])); at += 2)
            if (at[-1] == ' ' && at[2] == ' ') {
                check_say(__FILE__, __LINE__, line);
                CHECK(!"a plain mapping");
            }
}

static void check_mapping(const char *start, size_t bytes) {
    char line[512];
    unsigned long first, second, from = 0, to = 0;
    bool is_seen = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps)) {
        if (strncmp(line, "VmFlags:", 8) == 0 && from < (uintptr_t)start + bytes &&
            to > (uintptr_t)start) {
            check_flags(line);
            is_seen = true;
        }
        if (sscanf(line, "%lx-%lx ", &first, &second) == 2)
            from = first, to = second;
    }
    CHECK(is_seen);
    fclose(maps);
}

/* Blocks of this length and shorter ones, which come to lie where the changed block was. */
static void check_users(size_t bytes) {
    static char *blocks[BLOCKS];
    int status = 0;
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = i < 3 ? bytes : bytes / 4 + (size_t)i * 1000;
        blocks[i] = check_keep(i % 2 ? malloc(size) : calloc(1, size));
        CHECK(blocks[i] != NULL);
        CHECK(i % 2 || check_zero(blocks[i], size));
        for (size_t at = 0; at < size; at += 4096)
            blocks[i][at] = 7;
        if (i < 3)
            check_mapping(blocks[i], size);
    }
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int i = 0; i < BLOCKS; i++)
            for (size_t at = 0; at < bytes / 4; at += 4096)
                CHECK(blocks[i][at] == 7);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    char found = 0;
    CHECK(pread(shared_file, &found, 1, 4096) == 1 && found == 'f');
}

/* As a whole, in the middle, the first pages, the last ones. */
static void check_change(int kind, size_t bytes, int where) {
    size_t part = bytes / 4 / 4096 * 4096, whole = bytes / 4096 * 4096;
    printf("change %d, part %d, of %zu bytes\n", kind, where, bytes);
    fflush(stdout);
    char *block = check_keep(malloc(bytes));
    CHECK(block != NULL);
    memset(block, 1, bytes);
    char *start = (char *)(((uintptr_t)block + 4095) & ~(uintptr_t)4095);
    if (where == 0)
        change(kind, start, whole);
    else if (where == 1)
        change(kind, start + part, part);
    else if (where == 2)
        change(kind, start, part);
    else
        change(kind, start + whole - part, part);
    free(block);
    check_users(bytes);
}

static void check_changes(void) {
    for (int kind = 0; kind < KINDS; kind++) {
        for (int where = 0; where < 4; where++) {
            check_change(kind, MIB, where);
            check_change(kind, MIB + 8192, where);
        }
        check_change(kind, 4 * MIB, 0);
        check_change(kind, 4 * MIB, 1);
        check_change(kind, 20 * MIB, 0);
    }
}

static long faults(void) {
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_minflt;
}

/* Blocks of 1 to 4 MiB that are replaced: once everything is there, next to nothing faults. */
static void *replace(void *unused) {
    enum { SLOTS = 6, ROUNDS = 600, WARM = 200 };
    char *slots[SLOTS] = {NULL};
    uint64_t state = 4711;
    long before = 0;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned at = (unsigned)(check_random(&state) % SLOTS);
        size_t size = MIB + check_random(&state) % 4 * MIB;
        free(slots[at]);
        slots[at] = malloc(size);
        memset(slots[at], 1, size);
        if (round == WARM)
            before = faults();
    }
    long count = faults() - before;
    for (int i = 0; i < SLOTS; i++)
        free(slots[i]);
    printf("%ld faults in %d replacements\n", count, ROUNDS - WARM);
    fflush(stdout);
    CHECK(!unused || count < (ROUNDS - WARM) * 20);
    return NULL;
}

/* In a child, too, where the kernel keeps mappings apart that it joins elsewhere. */
static void check_faults(void) {
    int status = 0;
    replace(&status);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        replace(NULL);
        replace(&status);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* Itself, where nothing is purged or fenced because time has passed. */
static void run_check_faults(char **argv) {
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setenv("CHECK_FAULTS", "1", 1);
        setenv("HAKMEM_DIRTY_MIN", "1g", 1);
        setenv("HAKMEM_FENCES", "no", 1);
        execv("/proc/self/exe", argv);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv) {
    (void)argc;
    if (getenv("CHECK_FAULTS")) {
        check_faults();
        return 0;
    }
    char path[] = "/tmp/neighboursXXXXXX";
    shared_file = mkstemp(path);
    CHECK(shared_file >= 0 && unlink(path) == 0);
    CHECK(ftruncate(shared_file, (off_t)32 * MIB) == 0);
    CHECK(pwrite(shared_file, "f", 1, 4096) == 1);
    if (check_resident_bytes())
        run_check_faults(argv);
    check_changes();
    return 0;
}

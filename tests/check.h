/* SPDX-License-Identifier: MIT */
/*
 * Owns what every test program shares: CHECK, SKIP, a hang guard, random numbers and the question
 * "is libhakmem really in this process?", which is asked before main, so that no test passes on
 * libc's heap. CHECK_ALLOCATOR=any lets a test run on another allocator, to test the test;
 * CHECK_RESIDENT=no leaves bounds on memory out, for an emulator, whose own memory would count; so
 * does HAKMEM_SAMPLE.
 * Exit status: 0 passed, 1 failed, 77 skipped. Header only; for C and C++.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Tests do on purpose what compilers warn of. */
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wuse-after-free"
#pragma GCC diagnostic ignored "-Wfree-nonheap-object"
#pragma GCC diagnostic ignored "-Walloc-size-larger-than="
#pragma GCC diagnostic ignored "-Winfinite-recursion"

#if defined(__GLIBC__) && !__GLIBC_PREREQ(2, 33)
/* A libc without it has none to link with: the preload brings it. */
#include "base/mallinfo.h"
#pragma weak mallinfo2
#endif

#ifndef CHECK_HANG_SECONDS
#define CHECK_HANG_SECONDS 900
#endif

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            check_failed(__FILE__, __LINE__, #cond);                                               \
    } while (0)

#define SKIP(reason)                                                                               \
    do {                                                                                           \
        check_say(__FILE__, __LINE__, "skipped: " reason);                                         \
        _exit(77);                                                                                 \
    } while (0)

__attribute__((unused)) static void check_say(const char *file, int line, const char *text) {
    char message[512];
    int length = snprintf(message, sizeof message, "%s:%d: %s\n", file, line, text);
    if (length >= (int)sizeof message)
        length = sizeof message - 1;
    ssize_t written = write(STDERR_FILENO, message, (size_t)length);
    (void)written;
}

/* _exit: a failing test may stand in any state, with other threads running. */
__attribute__((noreturn, unused)) static void check_failed(const char *file, int line,
                                                           const char *condition) {
    char text[400];
    snprintf(text, sizeof text, "failed: %s (errno %d)", condition, errno);
    check_say(file, line, text);
    _exit(1);
}

/* Hides from the compiler where a pointer comes from, so that no comparison or store is folded. */
__attribute__((unused)) static inline void *check_keep(void *pointer) {
    __asm__ volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

__attribute__((unused)) static inline size_t check_size(size_t size) {
    __asm__ volatile("" : "+r"(size));
    return size;
}

/* True if the malloc that everybody here is bound to is libhakmem's, shared or static. */
__attribute__((unused)) static bool check_is_hakmem(void) {
    Dl_info of_malloc, of_program;
    void *bound = dlsym(RTLD_DEFAULT, "malloc");
    if (!bound || !dladdr(bound, &of_malloc))
        return false;
    if (strstr(of_malloc.dli_fname, "libhakmem"))
        return true;
    /* Linked statically it is the program's own: only with the library's symbols beside it. */
    static const char here = 0;
    return dladdr(&here, &of_program) && of_malloc.dli_fbase == of_program.dli_fbase;
}

__attribute__((unused)) static bool check_is_aligned(const void *pointer, size_t alignment) {
    return ((uintptr_t)pointer & (alignment - 1)) == 0;
}

/* xorshift64*: the same numbers for the same seed, everywhere. */
__attribute__((unused)) static uint64_t check_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DULL;
}

__attribute__((unused)) static unsigned long check_setting(const char *name, unsigned long value) {
    const char *text = getenv(name);
    return text && *text ? strtoul(text, NULL, 0) : value;
}

/* SEED= of the environment, or another one each time; printed, so that a run can be repeated. */
__attribute__((unused)) static uint64_t check_seed(void) {
    unsigned long other = (unsigned long)time(NULL) ^ (unsigned long)getpid() << 20;
    uint64_t seed = check_setting("SEED", other) | 1;
    printf("SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

/* What the library counts under this name. */
__attribute__((unused)) static uint64_t check_value(const char *name) {
    uint64_t number = 0;
    int (*get)(const char *, uint64_t *);
    *(void **)&get = dlsym(RTLD_DEFAULT, "hakmem_stats_get");
    CHECK(get != NULL && get(name, &number) == 0);
    return number;
}

/* True if blocks are sampled: such a block is counted as a large one, and has a page of its own. */
__attribute__((unused)) static bool check_is_sampled(void) {
    return check_setting("HAKMEM_SAMPLE", 0) != 0;
}

/* Fills, and later compares, a block with bytes that depend on its tag and their place. */
__attribute__((unused)) static void check_fill(void *block, size_t size, unsigned tag) {
    unsigned char *bytes = (unsigned char *)block;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(tag * 31 + i * 7 + (i >> 8));
}

__attribute__((unused)) static bool check_filled(const void *block, size_t size, unsigned tag) {
    const unsigned char *bytes = (const unsigned char *)block;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (unsigned char)(tag * 31 + i * 7 + (i >> 8)))
            return false;
    return true;
}

__attribute__((unused)) static bool check_zero(const void *block, size_t size) {
    const unsigned char *bytes = (const unsigned char *)block;
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* Address space of this process. */
__attribute__((unused)) static size_t check_address_bytes(void) {
    long pages;
    FILE *stream = fopen("/proc/self/statm", "r");
    CHECK(stream && fscanf(stream, "%ld", &pages) == 1);
    fclose(stream);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/*
 * Resident bytes of this process; 0 if they are no concern. Counted page by page: status and
 * statm add up what each processor has noted, which may be half a MiB off.
 */
__attribute__((unused)) static size_t check_resident_bytes(void) {
    size_t resident_kib = 0;
    char line[256];
    const char *wanted = getenv("CHECK_RESIDENT");
    if ((wanted && strcmp(wanted, "no") == 0) || check_is_sampled())
        return 0;
    FILE *stream = fopen("/proc/self/smaps_rollup", "r");
    CHECK(stream != NULL);
    while (!resident_kib && fgets(line, sizeof line, stream))
        sscanf(line, "Rss: %zu", &resident_kib);
    fclose(stream);
    CHECK(resident_kib != 0);
    return resident_kib << 10;
}

/* How many mappings this process has. */
__attribute__((unused)) static unsigned check_count_maps(void) {
    unsigned count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps != NULL);
    for (int c; (c = fgetc(maps)) != EOF;)
        count += c == '\n';
    fclose(maps);
    return count;
}

__attribute__((constructor, unused)) static void check_start(void) {
    const char *wanted = getenv("CHECK_ALLOCATOR");
    alarm(CHECK_HANG_SECONDS);
    if (!(wanted && strcmp(wanted, "any") == 0) && !check_is_hakmem()) {
        check_say(__FILE__, __LINE__, "failed: libhakmem is not in this process");
        _exit(1);
    }
}

#endif

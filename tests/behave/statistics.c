/* SPDX-License-Identifier: MIT */
/*
 * mallinfo, mallinfo2, malloc_info, malloc_stats, malloc_trim and mallopt answer for the heap that
 * the program really uses: numbers move with it, trim gives memory back and says so truly.
 */
#include "check.h"

#include <malloc.h>

enum { BLOCKS = 50 * 1024 };

static char *blocks[BLOCKS];

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static void fill_heap(void) {
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(1024);
        CHECK(blocks[i] != NULL);
        memset(blocks[i], 1, 1024);
    }
}

static void empty_heap(void) {
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

/* Large blocks are counted in hblkhd alone, as in libc. */
static size_t in_use(const struct mallinfo2 *info) {
    return info->uordblks + info->hblkhd;
}

static void check_mallinfo(void) {
    size_t wanted = (size_t)BLOCKS * 1024;
    struct mallinfo2 before = mallinfo2();
    struct mallinfo small_before = mallinfo();
    fill_heap();
    struct mallinfo2 full = mallinfo2();
    struct mallinfo small_full = mallinfo();
    CHECK(in_use(&full) >= in_use(&before) + wanted);
    CHECK(full.arena + full.hblkhd >= full.uordblks);
    if (!check_is_sampled()) {
        CHECK(in_use(&full) <= in_use(&before) + wanted * 5 / 4);
        CHECK((size_t)(small_full.uordblks - small_before.uordblks) >= wanted);
    }
    empty_heap();
    struct mallinfo2 empty = mallinfo2();
    CHECK(in_use(&empty) + wanted <= in_use(&full) + ((size_t)1 << 20));
    void *large = malloc((size_t)64 << 20);
    struct mallinfo2 with_large = mallinfo2();
    CHECK(large && in_use(&with_large) >= in_use(&empty) + ((size_t)64 << 20));
    free(large);
    struct mallinfo2 without = mallinfo2();
    CHECK(in_use(&without) + ((size_t)64 << 20) <= in_use(&with_large));
}

static void check_trim(void) {
    fill_heap();
    size_t full = check_resident_bytes();
    empty_heap();
    malloc_trim(0);
    size_t trimmed = check_resident_bytes();
    CHECK(full == 0 || trimmed + (size_t)BLOCKS * 1024 / 2 < full);
    for (int i = 0; i < 3; i++)
        malloc_trim(0);
    if (check_is_hakmem())
        CHECK(malloc_trim(0) == 0);
    void *large = malloc((size_t)3 << 20);
    memset(large, 1, (size_t)3 << 20);
    free(large);
    size_t before = check_resident_bytes();
    int gave = malloc_trim(0);
    size_t after = check_resident_bytes();
    CHECK(gave == 0 || gave == 1);
    CHECK(gave == 1 || after + ((size_t)1 << 20) > before);
    fill_heap();
    for (int i = 0; i < BLOCKS; i++)
        CHECK(blocks[i][0] == 1 && blocks[i][1023] == 1);
    empty_heap();
}

/* Tags open and close in order, and nothing is left open. */
static void check_well_formed(const char *xml) {
    char open[32][40];
    int depth = 0, elements = 0;
    for (const char *at = strchr(xml, '<'); at; at = strchr(at + 1, '<')) {
        char name[40] = "";
        const char *end = strchr(at, '>');
        CHECK(end != NULL);
        CHECK(sscanf(at + 1 + (at[1] == '/'), "%39[a-zA-Z0-9_]", name) == 1 || at[1] == '?');
        int quotes = 0;
        for (const char *c = at; c < end; c++)
            quotes += *c == '"';
        CHECK(quotes % 2 == 0);
        if (at[1] == '?' || end[-1] == '/') {
            elements++;
        } else if (at[1] == '/') {
            CHECK(depth > 0 && strcmp(open[--depth], name) == 0);
        } else {
            CHECK(depth < 32);
            strcpy(open[depth++], name);
            elements++;
        }
    }
    CHECK(depth == 0 && elements > 0);
}

static void check_info(void) {
    char *xml = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&xml, &length);
    CHECK(stream != NULL);
    CHECK(malloc_info(0, stream) == 0);
    CHECK(fclose(stream) == 0 && xml && length > 20);
    CHECK(strncmp(xml, "<malloc", 7) == 0 && strstr(xml, "</malloc>"));
    check_well_formed(xml);
    free(xml);
    errno = 0;
    int result = malloc_info(1, stderr);
    CHECK(result == EINVAL || result == -1);
}

static void check_stats_output(void) {
    char text[20000] = "";
    FILE *file = tmpfile();
    CHECK(file != NULL);
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    malloc_stats();
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    CHECK(length > 20 && strpbrk(text, "0123456789"));
}

static void check_mallopt(void) {
    CHECK(mallopt(M_TRIM_THRESHOLD, 128 * 1024) == 1);
    /* what it doesn't do, it doesn't say that it did */
    CHECK(mallopt(M_MMAP_THRESHOLD, 256 * 1024) == 0 && mallopt(M_MMAP_MAX, 0) == 0);
    CHECK(mallopt(M_ARENA_MAX, 2) == 0 && mallopt(M_ARENA_TEST, 2) == 0);
    CHECK(mallopt(M_TOP_PAD, 4096) == 0 && mallopt(M_MXFAST, 64) == 0);
    CHECK(mallopt(M_PERTURB, 1) == 0 && mallopt(12345, 1) == 0);
    void *block = malloc(1000);
    CHECK(block != NULL);
    free(block);
}

int main(void) {
    check_mallinfo();
    check_trim();
    check_info();
    check_stats_output();
    check_mallopt();
    return 0;
}

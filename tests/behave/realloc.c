/* SPDX-License-Identifier: MIT */
/*
 * realloc and reallocarray: contents survive every change of size, a size of zero frees, NULL is
 * malloc, growth into the usable size stays in place, and large blocks grow without a copy's cost
 * in memory.
 */
#include "check.h"

#include <malloc.h>

static const size_t sizes[] = {1,      7,       16,      17,      33,      64,      100,    128,
                               129,    500,     1024,    1025,    4000,    4096,    5000,   16384,
                               30000,  32768,   40000,   65536,   70000,   131072,  200000, 262144,
                               500000, 1048576, 1500000, 2097152, 5000000, 20000000};
enum { COUNT = sizeof sizes / sizeof sizes[0] };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static void check_every_pair(void) {
    for (int from = 0; from < COUNT; from++)
        for (int to = 0; to < COUNT; to++) {
            if (from > COUNT - 4 && to > COUNT - 4 && from != to)
                continue;
            void *block = malloc(sizes[from]);
            check_fill(block, sizes[from], 3);
            block = realloc(block, sizes[to]);
            CHECK(block && check_is_aligned(block, 16));
            CHECK(malloc_usable_size(block) >= sizes[to]);
            CHECK(check_filled(block, least(sizes[from], sizes[to]), 3));
            check_fill(block, sizes[to], 4);
            CHECK(check_filled(block, sizes[to], 4));
            free(block);
        }
}

static void check_in_place(void) {
    for (int i = 0; i < COUNT; i++) {
        void *block = check_keep(malloc(sizes[i]));
        size_t usable = malloc_usable_size(block);
        check_fill(block, usable, 8);
        CHECK(check_keep(realloc(block, usable)) == block);
        CHECK(check_keep(realloc(block, sizes[i])) == block);
        CHECK(check_keep(realloc(block, usable)) == block);
        CHECK(check_filled(block, sizes[i], 8));
        free(block);
    }
}

static void check_zero_frees(void) {
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 1000; i++) {
        void *block = malloc((size_t)1 << 20);
        memset(block, 1, 4096);
        errno = 0;
        CHECK(check_keep(realloc(block, check_size(0))) == NULL);
        CHECK(errno == 0);
        CHECK(check_keep(realloc(malloc(20), check_size(0))) == NULL);
        CHECK(check_keep(reallocarray(malloc(20), check_size(0), 5)) == NULL);
    }
    CHECK(mallinfo2().uordblks < before + ((size_t)10 << 20));
    void *block = check_keep(realloc(NULL, check_size(0)));
    CHECK(block != NULL);
    free(block);
    block = realloc(NULL, 50);
    CHECK(block != NULL);
    free(block);
}

/* Grows a step at a time, as strings and vectors do, with neighbours that grow too. */
static void check_growth(double factor, size_t limit) {
    enum { VECTORS = 4 };
    unsigned char *vectors[VECTORS] = {NULL, NULL, NULL, NULL};
    size_t size = 1;
    while (size < limit) {
        size_t next = (size_t)((double)size * factor) + 1;
        for (int v = 0; v < VECTORS; v++) {
            bool is_first = !vectors[v];
            vectors[v] = realloc(vectors[v], next);
            CHECK(vectors[v] != NULL);
            CHECK(is_first || check_filled(vectors[v], size, (unsigned)v));
            check_fill(vectors[v], next, (unsigned)v);
        }
        size = next;
    }
    while (size > 1) {
        size_t next = size / 3 + 1;
        for (int v = 0; v < VECTORS; v++) {
            vectors[v] = realloc(vectors[v], next);
            CHECK(vectors[v] && check_filled(vectors[v], next, (unsigned)v));
        }
        size = next > 2 ? next : 1;
    }
    for (int v = 0; v < VECTORS; v++)
        free(vectors[v]);
}

/* A block that grows again and again gets room for some steps, one that grows once gets none. */
static void check_headroom(void) {
    size_t size = 4096;
    unsigned moves = 0;
    char *block = check_keep(malloc(size));
    for (; size < 200000; size += size / 16) {
        char *grown = check_keep(realloc(block, size));
        moves += grown != block;
        block = grown;
    }
    free(block);
    CHECK(moves <= 20); /* a size class a step would be 45 */
    unsigned roomy = 0;
    char *blocks[64];
    for (int i = 0; i < 64; i++) {
        blocks[i] = check_keep(realloc(check_keep(malloc(5000)), check_size(5200)));
        roomy += malloc_usable_size(blocks[i]) > 5200 + 5200 / 8;
    }
    for (int i = 0; i < 64; i++)
        free(blocks[i]);
    CHECK(roomy <= 8); /* some have the address of one that grew */
}

/* To a GiB and back: a word in each page is followed. */
static void check_huge(void) {
    size_t size = (size_t)1 << 20, limit = (size_t)1 << 30;
    unsigned char *block = malloc(size);
    size_t marked = 0;
    for (; size <= limit; size = size * 3 / 2) {
        block = realloc(block, size);
        CHECK(block != NULL);
        for (size_t at = 0; at < marked; at += 4096)
            CHECK(*(size_t *)(block + at) == at + 1);
        for (; marked + 8 <= size && marked < (size_t)200 << 20; marked += 4096)
            *(size_t *)(block + marked) = marked + 1;
    }
    block = realloc(block, (size_t)3 << 20);
    CHECK(block != NULL);
    for (size_t at = 0; at < (size_t)3 << 20; at += 4096)
        CHECK(*(size_t *)(block + at) == at + 1);
    free(block);
}

/* A shrunken large block gives its rest back, and the rest is usable by others. */
static void check_shrink(void) {
    void *blocks[16];
    for (int i = 0; i < 16; i++) {
        blocks[i] = malloc((size_t)32 << 20);
        memset(blocks[i], i, (size_t)32 << 20);
        blocks[i] = realloc(blocks[i], 1000);
        CHECK(blocks[i] && malloc_usable_size(blocks[i]) < (size_t)16 << 20);
    }
    malloc_trim(0);
    CHECK(check_resident_bytes() < (size_t)256 << 20);
    for (int i = 0; i < 16; i++) {
        CHECK(*(unsigned char *)blocks[i] == i && ((unsigned char *)blocks[i])[999] == i);
        free(blocks[i]);
    }
}

int main(void) {
    check_every_pair();
    if (check_is_hakmem()) {
        check_in_place();
        check_headroom();
    }
    check_zero_frees();
    check_growth(1.1, 300000);
    check_growth(1.5, (size_t)24 << 20);
    check_growth(2.0, (size_t)24 << 20);
    check_huge();
    check_shrink();
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * malloc_usable_size: at least what was asked, all of it writable without harm to neighbours, the
 * same for the life of the block, 0 for NULL: what code built with _FORTIFY_SOURCE=3 relies on.
 */
#include "check.h"

#include <malloc.h>

enum { COUNT = 3000 };

static void *blocks[COUNT];
static size_t usable[COUNT];

static size_t size_of(int i) {
    if (i % 50 == 49)
        return (size_t)i * 997;
    return (size_t)i * (size_t)(i % 7 + 1) / 3;
}

static void *allocate(int i) {
    switch (i % 5) {
    case 0:
        return calloc(1, size_of(i));
    case 1:
        return memalign((size_t)16 << i % 8, size_of(i));
    case 2:
        return realloc(malloc(10), size_of(i) + 1);
    default:
        return malloc(size_of(i));
    }
}

int main(void) {
    CHECK(malloc_usable_size(NULL) == 0);
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = check_keep(allocate(i));
        usable[i] = malloc_usable_size(blocks[i]);
        CHECK(blocks[i] && usable[i] >= size_of(i));
        CHECK(usable[i] <= size_of(i) * 2 + 65536 + 4096);
        check_fill(blocks[i], usable[i], (unsigned)i);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK(malloc_usable_size(blocks[i]) == usable[i]);
        CHECK(check_filled(blocks[i], usable[i], (unsigned)i));
    }
    for (int i = 0; i < COUNT; i += 2)
        free(blocks[i]);
    for (int i = 1; i < COUNT; i += 2) {
        CHECK(malloc_usable_size(blocks[i]) == usable[i]);
        CHECK(check_filled(blocks[i], usable[i], (unsigned)i));
        free(blocks[i]);
    }
    return 0;
}

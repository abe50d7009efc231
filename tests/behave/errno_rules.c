/* SPDX-License-Identifier: MIT */
/*
 * errno: every request that can't be met sets ENOMEM and gives NULL, in every function;
 * posix_memalign returns it, too. Nothing is written or freed on an error; free keeps errno,
 * whatever it has to do.
 */
#include "check.h"

#include <malloc.h>

/* C23; libc has them only lately. */
void free_sized(void *block, size_t size) __attribute__((weak));
void free_aligned_sized(void *block, size_t alignment, size_t size) __attribute__((weak));
void cfree(void *block);

static size_t sizes[] = {
    SIZE_MAX,
    SIZE_MAX - 1,
    SIZE_MAX - 15,
    SIZE_MAX - 16,
    SIZE_MAX - 31,
    SIZE_MAX - 4095,
    SIZE_MAX - 4096,
    SIZE_MAX - 65536,
    SIZE_MAX - ((size_t)1 << 32),
    (size_t)PTRDIFF_MAX + 1,
    (size_t)PTRDIFF_MAX + 2,
    (size_t)PTRDIFF_MAX,
    (size_t)PTRDIFF_MAX - 4096,
    (size_t)1 << 62,
    (size_t)1 << 56,
};

#define CHECK_NOMEM(call)                                                                          \
    do {                                                                                           \
        errno = 0;                                                                                 \
        CHECK(check_keep(call) == NULL);                                                           \
        CHECK(errno == ENOMEM);                                                                    \
    } while (0)

static void check_too_large(size_t size) {
    CHECK_NOMEM(malloc(size));
    CHECK_NOMEM(calloc(1, size));
    CHECK_NOMEM(calloc(size, 1));
    CHECK_NOMEM(calloc(size / 2 + 1, 2));
    CHECK_NOMEM(realloc(NULL, size));
    CHECK_NOMEM(reallocarray(NULL, 1, size));
    CHECK_NOMEM(reallocarray(NULL, size, 1));
    CHECK_NOMEM(valloc(size));
    CHECK_NOMEM(pvalloc(size));
    for (size_t alignment = 8; alignment <= (size_t)1 << 30; alignment *= 8) {
        CHECK_NOMEM(memalign(alignment, size));
        CHECK_NOMEM(aligned_alloc(alignment, size));
        void *untouched = &errno, *block = untouched;
        errno = 0;
        CHECK(posix_memalign(&block, alignment, size) == ENOMEM && errno == ENOMEM);
        CHECK(block == untouched);
    }
}

static void check_block_survives(size_t old_size, size_t size) {
    void *block = malloc(old_size);
    check_fill(block, old_size, 5);
    CHECK_NOMEM(realloc(block, size));
    CHECK_NOMEM(reallocarray(block, size, 1));
    CHECK_NOMEM(reallocarray(block, size / 2 + 1, 2));
    CHECK(check_filled(block, old_size, 5));
    free(block);
}

static void check_products(void) {
    size_t half = (size_t)1 << 32;
    static const size_t odd[] = {3, 5, 7, 16, 17, 255, 4096, 65537};
    CHECK_NOMEM(calloc(check_size(half), half));
    CHECK_NOMEM(reallocarray(NULL, check_size(half), half));
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        size_t many = check_size(SIZE_MAX / odd[i] + 1);
        CHECK_NOMEM(calloc(many, odd[i]));
        CHECK_NOMEM(calloc(odd[i], many));
        CHECK_NOMEM(reallocarray(NULL, many, odd[i]));
        void *block = malloc(100);
        check_fill(block, 100, 9);
        CHECK_NOMEM(reallocarray(block, odd[i], many));
        CHECK(check_filled(block, 100, 9));
        free(block);
    }
}

/* Alignments that no address space has. */
static void check_huge_alignments(void) {
    for (int bit = 56; bit < 64; bit++) {
        size_t alignment = check_size((size_t)1 << bit);
        void *untouched = &errno, *block = untouched;
        errno = 0;
        CHECK(posix_memalign(&block, alignment, 64) == ENOMEM && block == untouched);
        CHECK(errno == ENOMEM);
        CHECK_NOMEM(aligned_alloc(alignment, 64));
    }
    errno = 0;
    CHECK(check_keep(memalign(check_size(SIZE_MAX), 64)) == NULL);
    CHECK(errno == EINVAL || errno == ENOMEM);
    errno = 0;
    CHECK(check_keep(memalign(check_size(((size_t)1 << 63) + 1), 64)) == NULL);
    CHECK(errno == EINVAL || errno == ENOMEM);
}

static void check_free_keeps_errno(void) {
    static void *many[4000];
    for (size_t size = 0; size <= (size_t)64 << 20; size = size * 2 + 1) {
        void *block = malloc(size), *other = memalign(4096, size);
        errno = 4242;
        free(block);
        free(other);
        free(NULL);
        CHECK(errno == 4242);
    }
    for (int i = 0; i < 4000; i++)
        many[i] = malloc((size_t)i * 5);
    errno = 4343;
    for (int i = 0; i < 4000; i++)
        free(many[i]);
    CHECK(errno == 4343);
    if (free_sized && free_aligned_sized) {
        void *block = malloc(100), *other = aligned_alloc(64, 128);
        errno = 4444;
        free_sized(block, 100);
        free_aligned_sized(other, 64, 128);
        free_sized(NULL, 5);
        free_aligned_sized(NULL, 64, 128);
        CHECK(errno == 4444);
    }
}

/* A success leaves errno as it was, or at least does not say that it failed. */
static void check_success(void) {
    for (size_t size = 0; size <= (size_t)16 << 20; size = size * 2 + 1) {
        errno = 0;
        void *block = malloc(size);
        block = realloc(block, size + 100);
        CHECK(block && errno == 0);
        free(block);
    }
}

int main(void) {
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_too_large(check_size(sizes[i]));
        check_block_survives(24, check_size(sizes[i]));
        check_block_survives(5000, check_size(sizes[i]));
        check_block_survives(3000000, check_size(sizes[i]));
    }
    check_products();
    check_huge_alignments();
    check_free_keeps_errno();
    check_success();
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Alignment: 16 bytes for every size from zero up, and what memalign, posix_memalign,
 * aligned_alloc, valloc and pvalloc promise beyond, for many sizes, with all blocks alive at once
 * and disjoint.
 */
#include "check.h"

#include <malloc.h>

enum { KEPT = 64 };

static void check_malloc_family(size_t size) {
    void *blocks[6] = {
        malloc(size),
        calloc(1, size),
        realloc(NULL, size),
        realloc(malloc(1), size ? size : 1),
        reallocarray(NULL, 1, size),
        calloc(size, 1),
    };
    for (int i = 0; i < 6; i++) {
        CHECK(blocks[i] != NULL);
        CHECK(check_is_aligned(blocks[i], 16));
        memset(blocks[i], i + 1, size);
    }
    for (int i = 0; i < 6; i++) {
        for (int j = 0; j < i; j++)
            CHECK(blocks[i] != blocks[j]);
        CHECK(size == 0 || *(unsigned char *)blocks[i] == i + 1);
        free(blocks[i]);
    }
}

static void check_sizes(void) {
    for (size_t size = 0; size <= 4200; size++)
        check_malloc_family(size);
    for (size_t size = 4096; size <= (size_t)8 << 20; size += size / 2)
        for (size_t near = size - 17; near <= size + 17; near += 1)
            check_malloc_family(near);
}

/* way 0 memalign, 1 posix_memalign, 2 aligned_alloc */
static void *aligned(int way, size_t alignment, size_t size) {
    void *block = NULL;
    if (way == 0)
        return memalign(alignment, size);
    if (way == 2)
        return aligned_alloc(alignment, size);
    CHECK(posix_memalign(&block, alignment, size) == 0);
    return block;
}

static void check_aligned(int way, size_t alignment, size_t size) {
    void *blocks[3];
    for (int i = 0; i < 3; i++) {
        blocks[i] = check_keep(aligned(way, alignment, size));
        CHECK(blocks[i] != NULL);
        CHECK(check_is_aligned(blocks[i], alignment) && check_is_aligned(blocks[i], 16));
        CHECK(malloc_usable_size(blocks[i]) >= size);
        check_fill(blocks[i], size, (unsigned)i);
    }
    CHECK(blocks[0] != blocks[1] && blocks[1] != blocks[2] && blocks[0] != blocks[2]);
    for (int i = 0; i < 3; i++)
        CHECK(check_filled(blocks[i], size, (unsigned)i));
    blocks[1] = realloc(blocks[1], size + 100);
    CHECK(blocks[1] && check_filled(blocks[1], size, 1));
    for (int i = 0; i < 3; i++)
        free(blocks[i]);
}

static void check_alignments(void) {
    static const size_t sizes[] = {
        0,    1,    8,    15,   16,   17,    24,    31,    33,    48,     64,     100,     1000,
        1024, 2048, 4095, 4096, 4097, 10000, 32768, 65535, 65536, 100000, 262144, 1000000, 3000000};
    for (int way = 0; way < 3; way++)
        for (size_t alignment = 8; alignment <= (size_t)4 << 20; alignment *= 2)
            for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
                check_aligned(way, alignment, sizes[i]);
    for (size_t size = 8; size <= 2048; size++)
        check_aligned(1, 64, size);
    check_aligned(0, (size_t)64 << 20, 100);
    check_aligned(1, (size_t)256 << 20, 0);
}

/* memalign rounds an odd alignment up; aligned_alloc refuses it; any size will do for both. */
static void check_odd_alignments(void) {
    for (size_t alignment = 0; alignment < 300; alignment++) {
        size_t wanted = 1;
        while (wanted < alignment)
            wanted *= 2;
        void *block = check_keep(memalign(alignment, 40));
        CHECK(block && check_is_aligned(block, wanted) && check_is_aligned(block, 16));
        free(block);
        bool is_power = alignment && (alignment & (alignment - 1)) == 0;
        errno = 0;
        block = check_keep(aligned_alloc(alignment, 39));
        if (is_power) {
            CHECK(block && check_is_aligned(block, alignment));
        } else if (check_is_hakmem()) {
            CHECK(block == NULL && errno == EINVAL);
        }
        free(block);
        void *untouched = &errno;
        block = untouched;
        int result = posix_memalign(&block, alignment, 24);
        if (is_power && alignment >= sizeof(void *)) {
            CHECK(result == 0 && check_is_aligned(block, alignment));
            free(block);
        } else {
            CHECK(result == EINVAL && block == untouched);
        }
    }
}

static void check_pages(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t size = 0; size <= 3 * page; size += 511) {
        void *block = check_keep(valloc(size));
        CHECK(block && check_is_aligned(block, page));
        memset(block, 1, size);
        void *whole = check_keep(pvalloc(size));
        size_t wanted = (size + page - 1) / page * page;
        if (!size && check_is_hakmem())
            wanted = page;
        CHECK(whole && check_is_aligned(whole, page) && malloc_usable_size(whole) >= wanted);
        memset(whole, 1, wanted);
        free(block);
        free(whole);
    }
}

int main(void) {
    void *kept[KEPT];
    for (int i = 0; i < KEPT; i++)
        kept[i] = memset(malloc((size_t)i), i, (size_t)i);
    check_sizes();
    check_alignments();
    check_odd_alignments();
    check_pages();
    for (int i = 0; i < KEPT; i++) {
        for (int j = 0; j < i; j++)
            CHECK(((unsigned char *)kept[i])[j] == i);
        free(kept[i]);
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * calloc's memory is zero, as far as malloc_usable_size goes: of every size, after the same memory
 * was used, written to its last usable byte and freed, by this thread or another, moved by realloc,
 * or given back to the system in part.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>

enum { LIVE = 400 };

static void dirty(size_t size, int count) {
    static void *blocks[LIVE];
    for (int i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        CHECK(blocks[i] != NULL);
        memset(check_keep(blocks[i]), 0xA5, malloc_usable_size(blocks[i]));
    }
    for (int i = 0; i < count; i++)
        free(blocks[i]);
}

static void check_cleared(size_t size, int count) {
    static void *blocks[LIVE];
    for (int i = 0; i < count; i++) {
        size_t members = i % 3 == 0 ? 1 : i % 3 == 1 ? size : 0;
        blocks[i] = members ? calloc(members, size / members) : calloc((size + 2) / 3, 3);
        CHECK(blocks[i] != NULL &&
              check_zero(check_keep(blocks[i]), malloc_usable_size(blocks[i])));
        memset(check_keep(blocks[i]), 0x5A, malloc_usable_size(blocks[i]));
    }
    for (int i = 0; i < count; i++)
        free(blocks[i]);
}

static void check_size_class(size_t size) {
    int count = size <= 256 ? 200 : size <= 4096 ? 20 : 3;
    dirty(size, count);
    check_cleared(size, count);
    check_cleared(size, count);
}

static void *dirty_elsewhere(void *argument) {
    size_t size = *(size_t *)argument;
    dirty(size, size <= 4096 ? LIVE : 4);
    return NULL;
}

static void check_other_thread(size_t size) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, dirty_elsewhere, &size) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    check_cleared(size, size <= 4096 ? LIVE : 4);
}

/* What a realloc left behind, and what a trim gave back in part. */
static void check_after_moves(void) {
    for (size_t size = 1000; size < (size_t)40 << 20; size = size * 5 / 3) {
        void *block = malloc(size);
        memset(block, 0xEE, size);
        block = realloc(block, size / 3);
        void *clear = calloc(1, size);
        CHECK(block && clear && check_zero(clear, size));
        memset(clear, 0xDD, size);
        free(clear);
        block = realloc(block, size * 2);
        clear = calloc(1, size);
        CHECK(block && clear && check_zero(clear, size));
        free(block);
        memset(clear, 0xCC, size);
        free(clear);
        malloc_trim(0);
        clear = calloc(2, size / 2);
        CHECK(clear && check_zero(clear, size / 2 * 2));
        free(clear);
    }
}

/* Aligned blocks cut their memory differently. */
static void check_after_aligned(void) {
    for (size_t alignment = 16; alignment <= 65536; alignment *= 2)
        for (size_t size = 8; size <= 100000; size = size * 3 + 1) {
            void *block = memalign(alignment, size);
            CHECK(block != NULL);
            memset(check_keep(block), 0x77, malloc_usable_size(block));
            free(block);
            check_cleared(size, 3);
            check_cleared(size + alignment, 3);
        }
}

int main(void) {
    for (size_t size = 1; size <= 2100; size++)
        check_size_class(size);
    for (size_t size = 2100; size <= (size_t)32 << 20; size = size * 9 / 8)
        check_size_class(size);
    for (size_t size = 16; size <= (size_t)8 << 20; size *= 2)
        check_other_thread(size);
    check_after_moves();
    check_after_aligned();
    void *block = check_keep(calloc(0, 0)), *other = check_keep(calloc(0, 8));
    CHECK(block && other && block != other);
    free(block);
    free(other);
    return 0;
}

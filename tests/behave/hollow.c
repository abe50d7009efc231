/* SPDX-License-Identifier: MIT */
/*
 * What is free between live blocks goes back to the system, a page at a time: when malloc_trim asks
 * for it, and while the program takes other memory. Blocks that come back there are whole, calloc's
 * are zero, and the live ones keep their content.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>

enum { BYTES = 1000, BLOCKS = 48 << 10, RARITY = 16, LARGER_BYTES = 2500, LARGER = 12 << 10 };

static unsigned char *blocks[BLOCKS];
static unsigned char *larger[LARGER];

static void fill(unsigned char **slots, int count, size_t bytes) {
    for (int i = 0; i < count; i++)
        if (!slots[i]) {
            slots[i] = check_keep(malloc(bytes));
            memset(slots[i], i % 251, bytes);
        }
}

static void empty(unsigned char **slots, int count, size_t bytes, uint64_t rarity) {
    static uint64_t random = 4711;
    for (int i = 0; i < count; i++) {
        if (!slots[i] || check_random(&random) % rarity == 0)
            continue;
        for (size_t at = 0; at < bytes; at++)
            CHECK(slots[i][at] == i % 251);
        free(slots[i]);
        slots[i] = NULL;
    }
}

static void *free_some(void *unused) {
    for (int i = 0; i < BLOCKS; i += 2) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    return unused;
}

int main(void) {
    pthread_t thread;
    if (check_is_sampled() || sysconf(_SC_PAGESIZE) > 4096)
        SKIP("needs plain blocks and pages of 4 KiB");
    fill(blocks, BLOCKS, BYTES);
    empty(blocks, BLOCKS, BYTES, RARITY);
    size_t before = check_resident_bytes();
    CHECK(malloc_trim(0) != 0);
    size_t after = check_resident_bytes();
    CHECK(after == 0 || after < before - (size_t)BLOCKS * BYTES / 3);

    fill(blocks, BLOCKS, BYTES);
    empty(blocks, BLOCKS, BYTES, RARITY);
    before = check_resident_bytes();
    fill(larger, LARGER, LARGER_BYTES);
    after = check_resident_bytes();
    CHECK(after == 0 || after < before + (size_t)LARGER * LARGER_BYTES / 2);

    CHECK(pthread_create(&thread, NULL, free_some, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < BLOCKS / 4; i++) {
        unsigned char *block = check_keep(calloc(1, LARGER_BYTES));
        for (size_t at = 0; at < LARGER_BYTES; at++)
            CHECK(block[at] == 0);
        if (i % 8)
            free(block);
    }
    fill(blocks, BLOCKS, BYTES);
    empty(larger, LARGER, LARGER_BYTES, 1 << 30);
    empty(blocks, BLOCKS, BYTES, 1 << 30);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/cache/cache, slab, free and large through the inline fast paths: random operations
 * with the heap's verifier after each few, the counters against a model's, every block of a class
 * once and only once.
 */
#include "cache/verify.h"
#include "front/alloc.h"
#include "front/free.h"
#include "front/lookup.h"
#include "front/thread.h"
#include "pages/run.h"

#include "unit.h"

#include <string.h>

#define SLOTS 3000

static struct {
    unsigned char *block;
    size_t bytes;
} slots[SLOTS];

static uint64_t allocations;
static uint64_t frees;

static size_t random_bytes(uint64_t *random) {
    uint64_t r = unit_random(random);
    return r % 16 == 0 ? (r >> 8) % 200000 : (r >> 8) % 1500;
}

static void fill_slot(unsigned i, uint64_t *random) {
    size_t bytes = 1 + random_bytes(random); /* no bytes: no class, not counted */
    unsigned char *block = hak_alloc(bytes);
    CHECK(block && (uintptr_t)block % 16 == 0);
    CHECK(hak_lookup_block(block).bytes >= bytes);
    memset(block, (int)i, bytes);
    slots[i].block = block;
    slots[i].bytes = bytes;
    allocations += bytes <= HAK_CLASS_MAX_BYTES;
}

static void empty_slot(unsigned i) {
    for (size_t k = 0; k < slots[i].bytes; k += 61)
        CHECK(slots[i].block[k] == (unsigned char)i);
    hak_free(slots[i].block);
    slots[i].block = NULL;
    frees += slots[i].bytes <= HAK_CLASS_MAX_BYTES;
}

static void check_counters(void) {
    uint64_t counted_allocations = 0, counted_frees = 0;
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        counted_allocations += hak_heap_get()->counters.allocations[size_class];
        counted_frees += hak_own_frees(&hak_heap_get()->counters, size_class);
    }
    CHECK(counted_allocations == allocations && counted_frees == frees);
}

/* A class emptied and filled again hands out each of its blocks once. */
static void check_each_once(size_t bytes) {
    enum { COUNT = 9000 };
    static unsigned char *blocks[COUNT];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            blocks[i] = hak_alloc(bytes);
            memcpy(blocks[i], &i, sizeof i);
        }
        for (int i = 0; i < COUNT; i++)
            CHECK(memcmp(blocks[i], &i, sizeof i) == 0);
        for (int i = 0; i < COUNT; i++)
            hak_free(blocks[round == 1 ? COUNT - 1 - i : i]);
        hak_verify_heap_always(hak_heap_get());
    }
    allocations += 3 * COUNT;
    frees += 3 * COUNT;
}

int main(void) {
    uint64_t random = unit_seed();
    for (int i = 0; i < 400000; i++) {
        unsigned slot = (unsigned)(unit_random(&random) % SLOTS);
        if (slots[slot].block)
            empty_slot(slot);
        else
            fill_slot(slot, &random);
        if (i % 4000 == 0)
            hak_verify_heap_always(hak_heap_get());
    }
    check_counters();
    check_each_once(16);
    check_each_once(200);
    check_each_once(5000);
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].block)
            empty_slot(i);
    check_counters();
    hak_heap_trim();
    hak_verify_heap_always(hak_heap_get());
    hak_run_verify();
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/slabs/sparse and purged_page: which pages of sparse slabs are given back, that no
 * live block lies on them, that their blocks come back once each, and that counters and knob are
 * obeyed; with the heap's verifier after each step.
 */
#include "cache/verify.h"
#include "conf/conf.h"
#include "front/alloc.h"
#include "front/free.h"
#include "front/lookup.h"
#include "front/thread.h"
#include "slabs/slab.h"
#include "slabs/sparse.h"

#include "unit.h"

#include <pthread.h>
#include <string.h>

#define COUNT 20000u
#define TOTAL_BYTES (size_t)(6 << 20)

static unsigned char *blocks[COUNT];
static unsigned count;
static size_t block_bytes;

static void fill(unsigned i) {
    blocks[i] = hak_alloc(block_bytes);
    CHECK(blocks[i]);
    memset(blocks[i], (int)(i % 251), block_bytes);
}

static void check_block(unsigned i) {
    for (size_t at = 0; at < block_bytes; at++)
        CHECK(blocks[i][at] == (unsigned char)(i % 251));
}

static void fill_all(size_t bytes) {
    block_bytes = bytes;
    count = (unsigned)(TOTAL_BYTES / bytes);
    count = count < COUNT ? count : COUNT;
    for (unsigned i = 0; i < count; i++)
        if (!blocks[i])
            fill(i);
}

static void empty_slot(unsigned i) {
    check_block(i);
    hak_free(blocks[i]);
    blocks[i] = NULL;
}

/* A few in each slab stay. */
static void make_sparse(uint64_t *random) {
    uint64_t rarity = HAK_SLAB_BYTES / block_bytes / 6 + 8;
    for (unsigned i = 0; i < count; i++)
        if (blocks[i] && unit_random(random) % rarity)
            empty_slot(i);
}

/* Purged pages read as zero, and live blocks are not on them. */
static unsigned count_purged_pages(void) {
    unsigned pages = 0;
    for (unsigned i = 0; i < count; i++) {
        struct hak_slab *slab = blocks[i] ? hak_region_slab(blocks[i]) : NULL;
        if (!slab)
            continue;
        CHECK(!hak_purged_page_has(slab, (uintptr_t)blocks[i]));
        CHECK(hak_lookup_block(blocks[i]).bytes >= block_bytes);
        for (unsigned gone = hak_purged_page_mask(slab); gone; gone &= gone - 1, pages++) {
            const unsigned char *page = (const unsigned char *)hak_region_slab_address(slab) +
                                        (size_t)__builtin_ctz(gone) * hak_os_page_bytes;
            for (size_t at = 0; at < hak_os_page_bytes; at++)
                CHECK(page[at] == 0);
        }
    }
    return pages;
}

static void check_untouched(void) {
    for (int i = 0; i < 20 && block_bytes > HAK_DIRECT_MAX_BYTES; i++) {
        unsigned char *block = hak_alloc_untouched(block_bytes);
        for (size_t at = 0; block && at < block_bytes; at++)
            CHECK(block[at] == 0);
        if (block)
            hak_free(block);
    }
}

static void check_class(size_t bytes, uint64_t *random) {
    struct hak_heap *heap = hak_heap_get();
    unsigned size_class = hak_size_class_of(bytes);
    for (int round = 0; round < 4; round++) {
        fill_all(bytes);
        make_sparse(random);
        size_t touched = heap->counters.of[size_class].slab_bytes;
        hak_heap_trim();
        hak_verify_heap_always(heap);
        unsigned pages = count_purged_pages();
        CHECK(pages > 0 || hak_os_page_bytes > 4096 || bytes > HAK_KIB(32));
        CHECK(pages == 0 || heap->counters.of[size_class].slab_bytes < touched);
        check_untouched();
        if (round % 2)
            continue; /* the next round takes what is purged */
        for (unsigned i = 0; i < count; i += 2)
            if (!blocks[i])
                fill(i);
        hak_verify_heap_always(heap);
        make_sparse(random);
        hak_sparse_trim(heap);
        hak_verify_heap_always(heap);
    }
    for (unsigned i = 0; i < count; i++)
        if (blocks[i])
            empty_slot(i);
    hak_heap_trim();
    CHECK(heap->counters.of[size_class].slabs == 0 &&
          heap->counters.of[size_class].blocks_carved == 0);
    CHECK(heap->counters.of[size_class].slab_bytes == 0 &&
          heap->counters.of[size_class].blocks_out == 0);
}

/* Blocks leave and come while pages go, as a growing program does it. */
static void check_mixed(uint64_t *random) {
    struct hak_heap *heap = hak_heap_get();
    fill_all(700);
    make_sparse(random);
    for (int i = 0; i < 30000; i++) {
        unsigned slot = (unsigned)(unit_random(random) % count);
        if (blocks[slot])
            empty_slot(slot);
        else if (unit_random(random) % 8 == 0)
            fill(slot);
        if (i % 500 == 0) {
            hak_sparse_pay_back(heap);
            hak_verify_heap_always(heap);
        }
    }
    make_sparse(random);
    hak_heap_trim();
}

static void *make_and_leave(void *random) {
    fill_all(1500);
    make_sparse(random);
    hak_heap_trim();
    hak_verify_heap_always(hak_heap_get());
    CHECK(count_purged_pages() > 0 || hak_os_page_bytes > 4096);
    return NULL;
}

/* What an exited thread left is taken over, purged pages and all. */
static void check_abandoned(uint64_t *random) {
    pthread_t thread;
    for (unsigned i = 0; i < COUNT; i++) {
        if (blocks[i])
            empty_slot(i);
    }
    CHECK(pthread_create(&thread, NULL, make_and_leave, random) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    uint64_t reclaimed = hak_heap_get()->counters.slabs_reclaimed;
    for (unsigned i = 0; i < count; i += 3)
        if (blocks[i])
            empty_slot(i);
    fill_all(1500);
    CHECK(hak_heap_get()->counters.slabs_reclaimed > reclaimed);
    hak_verify_heap_always(hak_heap_get());
    for (unsigned i = 0; i < count; i++)
        empty_slot(i);
}

static void check_knob(uint64_t *random) {
    hak_conf.purge = 0;
    fill_all(1000);
    make_sparse(random);
    hak_heap_trim();
    CHECK(count_purged_pages() == 0);
    hak_conf.purge = 1;
    hak_heap_trim();
    CHECK(count_purged_pages() > 0 || hak_os_page_bytes > 4096);
}

int main(void) {
    static const size_t sizes[] = {16, 48, 112, 400, 700, 1536, 2500, 3000, 5000, 9000, 20000};
    uint64_t random = unit_seed();
    CHECK(hak_thread_start_heap());
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_class(sizes[i], &random);
    check_mixed(&random);
    check_abandoned(&random);
    check_knob(&random);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/heap/trim: a heap that was asked to give back does so in portions that have a bound,
 * is done after a number of them that has one too, and then has given what it would have given at
 * once; a request that comes meanwhile begins anew; what was asked before a heap was there doesn't
 * concern it. With the heap's verifier after each portion.
 */
#include "cache/trim.h"
#include "cache/verify.h"
#include "front/alloc.h"
#include "front/free.h"
#include "front/thread.h"
#include "os/os_time.h"
#include "slabs/slab.h"
#include "stats/process.h"

#include "unit.h"

#include <pthread.h>
#include <string.h>

#define COUNT 30000u
#define PORTION_BLOCKS (256 + HAK_SLAB_BYTES / 32) /* the last ones may be a slab's */
#define PORTION_PAGES 40u
#define PORTIONS 4000u

static void *blocks[COUNT];

static void make_sparse(uint64_t *random) {
    for (unsigned i = 0; i < COUNT; i++)
        if (!blocks[i])
            blocks[i] = memset(hak_alloc(16 + unit_random(random) % 2000), 1, 16);
    for (unsigned i = 0; i < COUNT; i++)
        if (unit_random(random) % 20) {
            hak_free(blocks[i]);
            blocks[i] = NULL;
        }
}

/* Blocks out of slabs, in bins or live, and bytes of the slabs that are there. */
struct heap_sums {
    uint64_t out, slab_bytes;
};

static struct heap_sums sums_of(const struct hak_heap *heap) {
    struct heap_sums sums = {0, 0};
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++) {
        sums.out += heap->counters.of[size_class].blocks_out;
        sums.slab_bytes += heap->counters.of[size_class].slab_bytes;
    }
    return sums;
}

static bool is_done(const struct hak_heap *heap) {
    return heap->trims_done == atomic_load(&hak_limit_asks);
}

/* One portion, without a rest. */
static void follow(struct hak_heap *heap) {
    struct heap_sums before = sums_of(heap);
    uint64_t purged = hak_process_counters.purged_bytes, used = hak_process_counters.used_bytes;
    hak_heap_enter(heap);
    hak_trim_some(heap);
    hak_heap_leave(heap);
    hak_verify_heap_always(heap);
    struct heap_sums after = sums_of(heap);
    CHECK(before.out - after.out <= PORTION_BLOCKS);
    /* Beside free runs that are purged because slabs became empty. */
    if (hak_process_counters.used_bytes == used)
        CHECK(hak_process_counters.purged_bytes - purged <= PORTION_PAGES * hak_os_page_bytes);
}

static unsigned follow_to_the_end(struct hak_heap *heap) {
    unsigned portions = 0;
    for (; !is_done(heap); portions++) {
        CHECK(portions < PORTIONS);
        follow(heap);
    }
    return portions;
}

static void check_portions(struct hak_heap *heap, uint64_t *random) {
    make_sparse(random);
    hak_limit_ask_caches();
    CHECK(!is_done(heap));
    CHECK(follow_to_the_end(heap) > 3);
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++)
        CHECK(heap->hot.bin[size_class] == HAK_LIST_END);
    uint64_t left = sums_of(heap).slab_bytes;
    hak_trim_heap(heap);
    CHECK(left - sums_of(heap).slab_bytes <= left / 20);
    CHECK(is_done(heap));
}

static void check_asked_again(struct hak_heap *heap, uint64_t *random) {
    make_sparse(random);
    hak_limit_ask_caches();
    follow(heap);
    CHECK(!is_done(heap));
    make_sparse(random);
    hak_limit_ask_caches();
    follow(heap);
    CHECK(!is_done(heap));
    follow_to_the_end(heap);
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++)
        CHECK(heap->hot.bin[size_class] == HAK_LIST_END);
}

/* A heap that has just given a portion rests at least as long as that took; then it goes on. */
static void check_rest(struct hak_heap *heap, uint64_t *random) {
    make_sparse(random);
    hak_limit_ask_caches();
    hak_heap_enter(heap);
    unsigned portions = 0;
    while (!is_done(heap)) {
        uint64_t begun_ns = hak_os_now_ns(), rested_ns = heap->trim_rest_until_ns;
        hak_trim_follow(heap);
        uint64_t ended_ns = hak_os_now_ns(), rest_until_ns = heap->trim_rest_until_ns;
        if (rest_until_ns == rested_ns)
            continue;
        portions++;
        CHECK(ended_ns >= rested_ns);
        CHECK(rest_until_ns > begun_ns && rest_until_ns <= ended_ns + 4 * (ended_ns - begun_ns));
    }
    hak_heap_leave(heap);
    CHECK(portions > 3);
}

static void *begin_late(void *unused) {
    hak_limit_ask_caches();
    struct hak_heap *heap = hak_thread_start_heap();
    CHECK(heap && is_done(heap));
    return unused;
}

int main(void) {
    uint64_t random = unit_seed();
    struct hak_heap *heap = hak_thread_start_heap();
    pthread_t thread;
    CHECK(heap);
    for (int i = 0; i < 3; i++) {
        check_portions(heap, &random);
        check_asked_again(heap, &random);
    }
    check_rest(heap, &random);
    CHECK(pthread_create(&thread, NULL, begin_late, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

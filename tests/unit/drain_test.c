/* SPDX-License-Identifier: MIT */
/*
 * Tests of the budgets of lib/cache/remote and lib/cache/overflow, by counting: however many blocks
 * others have freed, no malloc or free of their owner takes more than a fixed number of them, and
 * no free by others sorts or purges more than a fixed amount. Also when anything is sorted at all:
 * not with purge=no, not for little, and not again and again for an owner that comes back.
 */
#include "cache/cache.h"
#include "cache/remote.h"
#include "cache/verify.h"
#include "conf/conf.h"
#include "front/alloc.h"
#include "front/free.h"
#include "front/thread.h"
#include "pages/run.h"
#include "stats/process.h"

#include "unit.h"

#include <pthread.h>
#include <string.h>

#define BLOCKS 400000
#define BLOCK_BYTES 192 /* a size class */
#define SORTED_BYTES (256 * BLOCK_BYTES)
#define PURGED_BYTES (32 * HAK_SLAB_BYTES)
#define ROUNDS 16
#define MOST_PURGES 5

static unsigned char *block[BLOCKS];
static size_t count;
static struct hak_heap *owner;
static size_t most_sorted_bytes, most_purged_bytes;

static size_t purged_bytes(void) {
    return hak_process_counters.purged_bytes;
}

static size_t waiting_bytes(void) {
    return atomic_load(&owner->inbox_bytes);
}

static void note_most(size_t *most, size_t from, size_t to) {
    if (to > from && to - from > *most)
        *most = to - from;
}

/* Frees all, and notes the most that one free did. */
static void *free_all(void *unused) {
    for (size_t i = 0; i < count; i++) {
        size_t purged = purged_bytes(), waiting = waiting_bytes();
        CHECK(block[i][17] == (unsigned char)i);
        hak_free(block[i]);
        note_most(&most_purged_bytes, purged, purged_bytes());
        note_most(&most_sorted_bytes, waiting_bytes(), waiting);
    }
    hak_remote_flush(hak_heap_get());
    return unused;
}

static void make_blocks(size_t wanted) {
    count = wanted;
    for (size_t i = 0; i < count; i++) {
        block[i] = hak_alloc(BLOCK_BYTES);
        CHECK(block[i]);
        memset(block[i], (int)(unsigned char)i, BLOCK_BYTES);
    }
}

static void let_other_free(void) {
    pthread_t other;
    CHECK(!pthread_create(&other, NULL, free_all, NULL));
    CHECK(!pthread_join(other, NULL));
}

/* Calls of the owner until nothing waits; how many blocks came in the fullest one. */
static uint64_t take_all(void) {
    uint64_t most = 0, begun = owner->counters.inbox_blocks;
    void *kept[256] = {NULL};
    for (size_t i = 0; waiting_bytes(); i++) {
        uint64_t before = owner->counters.inbox_blocks;
        hak_free(kept[i % 256]);
        kept[i % 256] = hak_alloc(16 + i % 64 * 40);
        uint64_t came = owner->counters.inbox_blocks - before;
        most = came > most ? came : most;
        CHECK(i < 100 * BLOCKS); /* each slow path takes some */
    }
    for (size_t i = 0; i < 256; i++)
        hak_free(kept[i]);
    printf("%llu blocks came, at most %llu in a call\n",
           (unsigned long long)(owner->counters.inbox_blocks - begun), (unsigned long long)most);
    hak_verify_heap_always(owner);
    return most;
}

/* Nothing is given back, and everything waits in the inbox. */
static void test_purge_is_off(void) {
    size_t before = purged_bytes();
    hak_conf.purge = 0;
    make_blocks(BLOCKS);
    let_other_free();
    CHECK(purged_bytes() == before);
    CHECK(waiting_bytes() >= (size_t)BLOCKS * BLOCK_BYTES);
    CHECK(take_all() <= 2 * HAK_DRAIN_COST); /* two slow paths: free, then malloc */
    hak_conf.purge = 1;
}

/* Less than thread caches may hold stays where it is. */
static void test_little(void) {
    hak_heap_trim();
    size_t before = purged_bytes();
    make_blocks(hak_conf.cache_total / BLOCK_BYTES * 3 / 4);
    hak_conf.dirty_min = hak_conf.cache_total; /* however slow this machine is */
    let_other_free();
    CHECK(purged_bytes() == before);
    hak_conf.dirty_min = HAK_MIB(3);
    take_all();
}

/* Most of it goes to the system, some with each free. */
static void test_much(void) {
    hak_heap_trim();
    make_blocks(BLOCKS);
    size_t before = purged_bytes();
    most_sorted_bytes = most_purged_bytes = 0;
    let_other_free();
    size_t purged = purged_bytes() - before;
    printf("purged %zu MiB, at most %zu KiB in a call; sorted %zu KiB in a call\n", purged >> 20,
           most_purged_bytes >> 10, most_sorted_bytes >> 10);
    CHECK(purged > (size_t)BLOCKS * BLOCK_BYTES / 3);
    CHECK(most_purged_bytes <= PURGED_BYTES && most_sorted_bytes <= SORTED_BYTES);
    take_all();
}

/* The owner comes back each time. After each purge it is left alone for longer, up to 4 seconds:
 * so often, at most, its slabs are purged. */
static void test_coming_back(void) {
    unsigned purges = 0;
    for (int round = 0; round < ROUNDS; round++) {
        make_blocks(BLOCKS / 2);
        size_t before = purged_bytes();
        let_other_free();
        purges += purged_bytes() != before;
        take_all();
    }
    printf("purged in %u of %d rounds\n", purges, ROUNDS);
    CHECK(purges <= MOST_PURGES);
}

int main(void) {
    hak_free(hak_alloc(1));
    owner = hak_heap_get();
    CHECK(owner && hak_size_class_bytes[hak_size_class_of(BLOCK_BYTES)] == BLOCK_BYTES);
    test_purge_is_off();
    test_little();
    test_much();
    test_coming_back();
    hak_heap_trim();
    hak_run_verify();
    CHECK(hak_process_counters.used_bytes < HAK_MIB(2));
    return 0;
}

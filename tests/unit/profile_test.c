/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/large/sample and lib/stats/profile: the distances between samples, the estimate that
 * the samples give, blocks that are sampled, threads that come and go, stop and start.
 */
#include "cache/verify.h"
#include "conf/conf.h"
#include "front/alloc.h"
#include "front/free.h"
#include "front/lookup.h"
#include "front/thread.h"
#include "large/large.h"
#include "large/sample.h"
#include "os/os_time.h"

#include "unit.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#define BLOCKS 2000

static struct hak_profile_area *area(void) {
    CHECK(hak_stats_profile_area());
    return hak_stats_profile_area();
}

static uint64_t taken(void) {
    return atomic_load(&area()->taken);
}

static const struct hak_profile_sample *last_sample(void) {
    return &area()->slot[(taken() - 1) % HAK_PROFILE_SLOTS];
}

static uint64_t live_count(void) {
    return taken() - atomic_load(&area()->freed);
}

static void start(uint64_t mean_bytes) {
    CHECK(hak_thread_start_heap()); /* the first one reads the knobs */
    hak_conf.sample_mean = mean_bytes;
    hak_profile_ask();
    hak_sample_follow(hak_heap_get());
    CHECK(hak_heap_get()->sampler.is_on);
}

static void stop(void) {
    atomic_store(&hak_stats_control->profile_until_ms, 0);
    hak_sample_follow(hak_heap_get());
    CHECK(!hak_heap_get()->sampler.is_on);
    CHECK(hak_heap_get()->hot.class_of[0] == HAK_CLASS_NONE); /* see slabs/zero_size.h */
    for (size_t bytes = 1; bytes <= HAK_DIRECT_MAX_BYTES; bytes++)
        CHECK(hak_heap_get()->hot.class_of[bytes] == hak_size_class_of(bytes));
}

/* Mean and the quarters of an exponential distribution. */
static void test_gaps(void) {
    enum { DRAWS = 400000, MEAN = 524288 };
    uint64_t random = 7;
    double sum = 0;
    unsigned quarter[4] = {0};
    for (int i = 0; i < DRAWS; i++) {
        int64_t gap = hak_sample_gap(&random, MEAN);
        CHECK(gap > 0);
        sum += (double)gap;
        quarter[(int)(exp(-(double)gap / MEAN) * 4)]++;
    }
    CHECK(fabs(sum / DRAWS / MEAN - 1) < 0.01);
    for (int i = 0; i < 4; i++)
        CHECK(fabs(quarter[i] * 4.0 / DRAWS - 1) < 0.02);
    CHECK(hak_sample_gap(&random, 1) == 0);
}

/* What the samples stand for, by size, is near what was allocated: within four standard deviations,
 * which follow from the probability of each sample. */
static void test_estimate(void) {
    static const size_t sizes[] = {24, 700, 3000, 40000, 200000};
    enum { KINDS = sizeof sizes / sizeof sizes[0], ROUNDS = 20000, MEAN = 65536 };
    double found[KINDS] = {0};
    start(MEAN);
    hak_heap_get()->sampler.random = 12345;
    uint64_t seen = taken();
    for (int i = 0; i < ROUNDS * KINDS; i++) {
        unsigned kind = (unsigned)i % KINDS;
        void *block = hak_alloc(sizes[kind]);
        if (taken() != seen) {
            const struct hak_profile_sample *sample = last_sample();
            CHECK(taken() == ++seen && sample->number == seen && sample->bytes == sizes[kind]);
            CHECK(sample->address == (uintptr_t)block && sample->mean_bytes == MEAN);
            found[kind] += 1 / -expm1(-(double)sizes[kind] / MEAN);
        }
        hak_free(block);
    }
    for (unsigned kind = 0; kind < KINDS; kind++) {
        double chance = -expm1(-(double)sizes[kind] / MEAN);
        double deviation = sqrt(ROUNDS * (1 - chance) / chance);
        printf("%zu bytes: %.0f of %d, deviation %.0f\n", sizes[kind], found[kind], ROUNDS,
               deviation);
        CHECK(fabs(found[kind] - ROUNDS) <= 4 * deviation);
    }
    CHECK(live_count() == 0);
    stop();
}

/* Every block is sampled, is a good block, and is forgotten when it is freed or moved. */
static void test_blocks(void) {
    static unsigned char *block[BLOCKS];
    start(1);
    for (unsigned i = 0; i < BLOCKS; i++) {
        block[i] = hak_alloc(i + 1);
        CHECK((uintptr_t)block[i] % 16 == 0);
        CHECK(hak_lookup_block(block[i]).bytes == hak_size_class_bytes[hak_size_class_of(i + 1)]);
        memset(block[i], (int)i, i + 1);
    }
    CHECK(live_count() == BLOCKS);
    for (unsigned i = 0; i < BLOCKS; i++) {
        for (unsigned k = 0; k <= i; k++)
            CHECK(block[i][k] == (unsigned char)i);
        hak_free(block[i]);
    }
    CHECK(live_count() == 0);
    void *large = hak_alloc(100000);
    CHECK(live_count() == 1);
    uint64_t before = taken();
    large = hak_large_resize(hak_lookup_block(large).slab, large, 900000);
    CHECK(large && live_count() == 1 && taken() == before + 1);
    stop();
    CHECK(live_count() == 1);
    hak_free(large);
    CHECK(live_count() == 0);
    hak_verify_heap_always(hak_heap_get());
}

static void *free_all(void *blocks) {
    for (unsigned i = 0; i < 100; i++)
        hak_free(((void **)blocks)[i]);
    ((void **)blocks)[0] = hak_alloc(10);
    return NULL;
}

static void test_threads(void) {
    void *block[100];
    pthread_t thread;
    start(1);
    for (unsigned i = 0; i < 100; i++)
        block[i] = hak_alloc(64);
    uint64_t before = taken();
    CHECK(pthread_create(&thread, NULL, free_all, block) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(live_count() == 1 && taken() == before + 1);
    stop();
    hak_free(block[0]);
    CHECK(live_count() == 0);
}

/* A wish ends by itself when its time is over. */
static void test_end(void) {
    start(1);
    hak_free(hak_alloc(20));
    CHECK(last_sample()->stack_bytes > 64);
    CHECK(last_sample()->stack_bytes <= sizeof last_sample()->stack);
    CHECK(last_sample()->registers[last_sample()->register_count - 1] != 0);
    atomic_store(&hak_stats_control->profile_until_ms, 1);
    hak_free(hak_alloc(20));
    CHECK(!hak_profile_is_wanted());
    hak_free(hak_alloc(20)); /* it leaves by itself */
    CHECK(!hak_heap_get()->sampler.is_on && hak_heap_get()->hot.medium_max_bytes);
    stop();
}

/* As /proc/self/maps has them; cut, if at all, at the end of a line. */
static bool has_maps(void) {
    size_t bytes = atomic_load(&area()->maps_bytes);
    return bytes && bytes <= sizeof area()->maps && area()->maps[bytes - 1] == '\n' &&
           memmem(area()->maps, bytes, "profile_test", 12);
}

/* The mappings are noted when the process asks, and at its end, but for no sample. */
static void test_maps(void) {
    start(1);
    CHECK(has_maps());
    atomic_store(&area()->maps_bytes, 0);
    uint64_t before = taken();
    hak_free(hak_alloc(100));
    CHECK(taken() == before + 1 && !has_maps());
    hak_profile_note_maps();
    CHECK(has_maps());
    stop();
}

/* A child counts on: the blocks that it has of its parent are none of its own samples. */
static void test_inherit(void) {
    static struct hak_profile_area child;
    start(1);
    void *block = hak_alloc(100);
    hak_stats_profile_inherit(&child);
    CHECK(atomic_load(&child.taken) == taken() && atomic_load(&child.freed) == 0);
    hak_free(block);
    CHECK(atomic_load(&area()->free[0].number) != 0);
    stop();
}

/* Reads on as long as the allocating thread goes on; nothing may be written that was not read. */
static void *read_on(void *is_over) {
    while (!atomic_load((_Atomic bool *)is_over)) {
        uint64_t read = atomic_load(&hak_stats_control->samples_read);
        const struct hak_profile_sample *sample = &area()->slot[read % HAK_PROFILE_SLOTS];
        uint64_t number = atomic_load(&sample->number);
        CHECK(number <= read + 1); /* later ones wait */
        if (number == read + 1)
            atomic_store(&hak_stats_control->samples_read, read + 1);
    }
    return NULL;
}

/* With a mean of 1 and a reader, who puts a finite end to the wish, no slot is overwritten. */
static void test_wait(void) {
    _Atomic bool is_over = false;
    pthread_t reader;
    start(1);
    uint64_t before = taken();
    atomic_store(&hak_stats_control->samples_read, before);
    atomic_store(&hak_stats_control->profile_until_ms, hak_os_now_ms() + 600000);
    CHECK(pthread_create(&reader, NULL, read_on, &is_over) == 0);
    for (unsigned i = 0; i < 3 * HAK_PROFILE_SLOTS; i++)
        hak_free(hak_alloc(10));
    atomic_store(&is_over, true);
    CHECK(pthread_join(reader, NULL) == 0);
    CHECK(taken() >= before + 3 * HAK_PROFILE_SLOTS);
    stop();
    /* Without a reader nobody waits. */
    atomic_store(&hak_stats_control->samples_read, 0);
    start(1);
    for (unsigned i = 0; i < 3 * HAK_PROFILE_SLOTS; i++)
        hak_free(hak_alloc(10));
    stop();
}

int main(void) {
    test_gaps();
    test_estimate();
    test_blocks();
    test_threads();
    test_maps();
    test_inherit();
    test_wait();
    test_end();
    return 0;
}

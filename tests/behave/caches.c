/* SPDX-License-Identifier: MIT */
/*
 * What the caches of many threads keep together. Threads that had a few hundred blocks once, or a
 * few times, and wait, keep next to nothing; those that have them again and again keep what the
 * common bound allows, and a slab or two. A thread that is alone with its bursts is let alone: it
 * takes no slab for the hundredth. Blocks that live on are whole. The program runs itself again for
 * each bound.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>

enum { THREADS = 200, BLOCKS = 500, BOUND_MIB = 8, KIB = 1024, SLAB_BYTES = 64 * KIB };
/* What a thread may keep aside of the bound: the other blocks of a class of which one lives. */
enum { CLASS_BYTES = 20 * KIB };

static pthread_barrier_t ready, end;
static int rounds;
static char *left[THREADS];

static void burst(unsigned seed, char **ret_left) {
    char *blocks[BLOCKS];
    uint64_t random = seed;
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = check_keep(malloc(16 + check_random(&random) % 1024));
        CHECK(blocks[i]);
        check_fill(blocks[i], 16, seed + (unsigned)i);
    }
    for (int i = BLOCKS - 1; i >= 0; i--) {
        CHECK(check_filled(blocks[i], 16, seed + (unsigned)i));
        if (i == BLOCKS / 2 && ret_left && !*ret_left)
            *ret_left = blocks[i];
        else
            free(blocks[i]);
    }
}

static void *have_bursts(void *place) {
    unsigned index = (unsigned)((char **)place - left);
    for (int i = 0; i < rounds; i++)
        burst(index * 4711 + (unsigned)i * 17, i == 0 ? place : NULL);
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&end);
    CHECK(check_filled(left[index], 16, index * 4711 + BLOCKS / 2));
    free(left[index]);
    left[index] = NULL;
    return NULL;
}

/* How many bytes of slabs, and of blocks in caches, all threads hold while they wait. */
static void have_threads(int count, uint64_t *ret_slab_bytes, uint64_t *ret_cached_bytes) {
    pthread_t threads[THREADS];
    pthread_attr_t attributes;
    rounds = count;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 128 * KIB);
    pthread_barrier_init(&ready, NULL, THREADS + 1);
    pthread_barrier_init(&end, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], &attributes, have_bursts, &left[i]) == 0);
    pthread_barrier_wait(&ready);
    *ret_slab_bytes = check_value("slabs") * SLAB_BYTES;
    *ret_cached_bytes = check_value("cached_bytes");
    pthread_barrier_wait(&end);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    fprintf(stderr, "%d bursts: %llu bytes of slabs, %llu cached\n", count,
            (unsigned long long)*ret_slab_bytes, (unsigned long long)*ret_cached_bytes);
}

static void *be_alone(void *unused) {
    uint64_t before = 0;
    for (unsigned i = 0; i < 200; i++) {
        burst(i, NULL);
        if (i == 99)
            before = check_value("slabs_taken");
    }
    uint64_t taken = check_value("slabs_taken") - before;
    fprintf(stderr, "alone: %llu slabs in a hundred bursts\n", (unsigned long long)taken);
    CHECK(taken <= 100);
    return unused;
}

static void run(uint64_t bound_bytes) {
    uint64_t slab_bytes, cached_bytes;
    /* One slab for the block that is left, one for what was missed; some are the process's. */
    uint64_t few_bytes = (2 * THREADS + 64) * (uint64_t)SLAB_BYTES;
    have_threads(1, &slab_bytes, &cached_bytes);
    CHECK(slab_bytes <= few_bytes && cached_bytes <= THREADS * CLASS_BYTES);
    have_threads(12, &slab_bytes, &cached_bytes);
    CHECK(slab_bytes <= few_bytes + bound_bytes);
    CHECK(cached_bytes <= bound_bytes + THREADS * CLASS_BYTES);
}

int main(int argc, char **argv) {
    pthread_t thread;
    const char *bound = getenv("HAKMEM_CACHE_TOTAL");
    (void)argc;
    if (check_is_sampled())
        SKIP("sampled blocks are in no cache");
    if (!getenv("CHECK_CACHES")) {
        CHECK(pthread_create(&thread, NULL, be_alone, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        setenv("CHECK_CACHES", "1", 1);
        setenv("HAKMEM_CACHE_TOTAL", "8m", 1);
        execv("/proc/self/exe", argv);
        return 1;
    }
    run(bound[0] == '8' ? BOUND_MIB * KIB * KIB : 0);
    if (bound[0] == '0')
        return 0;
    setenv("HAKMEM_CACHE_TOTAL", "0", 1);
    execv("/proc/self/exe", argv);
    return 1;
}

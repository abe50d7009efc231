/* SPDX-License-Identifier: MIT */
/*
 * Every block is freed by another thread than made it: through rings from each thread to each, in
 * bursts, so that outboxes fill, overflow and wait. Memory must stay bounded. SEED=, ROUNDS=.
 */
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 8, RING = 256, BURSTS = 400 };

static _Atomic(size_t *) rings[THREADS][THREADS][RING];
static uint64_t seed;
static atomic_uint finished;

static size_t *make(uint64_t random) {
    size_t words = 2 + (random & 63 ? random >> 8 & 63 : random >> 8 & 16383);
    size_t *block = malloc(words * sizeof *block);
    CHECK(block != NULL);
    block[0] = words;
    block[words - 1] = block[0] ^ (size_t)block;
    if (words == 2)
        block[1] = words ^ (size_t)block;
    return block;
}

static void consume(unsigned me) {
    for (unsigned from = 0; from < THREADS; from++)
        for (unsigned i = 0; i < RING; i++) {
            size_t *block = atomic_exchange(&rings[from][me][i], NULL);
            if (!block)
                continue;
            CHECK(block[block[0] - 1] == (block[0] ^ (size_t)block));
            free(block);
        }
}

static void *run(void *argument) {
    unsigned me = (unsigned)(uintptr_t)argument;
    uint64_t state = seed + me * 0x9E3779B97F4A7C15ULL;
    for (int burst = 0; burst < BURSTS; burst++) {
        uint64_t random = check_random(&state);
        unsigned to = (me + 1 + (unsigned)random % (THREADS - 1)) % THREADS;
        for (unsigned i = 0; i < RING; i++) {
            size_t *block = make(check_random(&state));
            size_t *old = atomic_exchange(&rings[me][to][i], block);
            if (old) { /* not fetched yet: only then is it our own */
                CHECK(old[old[0] - 1] == (old[0] ^ (size_t)old));
                free(old);
            }
        }
        if (random >> 62)
            consume(me);
        if (random >> 32 & 1)
            sched_yield();
    }
    atomic_fetch_add(&finished, 1);
    while (atomic_load(&finished) % THREADS)
        sched_yield();
    consume(me);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    unsigned long rounds = check_setting("ROUNDS", 4);
    seed = check_seed();
    alarm(0);
    for (unsigned long round = 0; round < rounds; round++, seed += 2) {
        for (uintptr_t i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, run, (void *)i) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(check_resident_bytes() < (size_t)128 << 20);
    }
    return 0;
}

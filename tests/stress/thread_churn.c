/* SPDX-License-Identifier: MIT */
/*
 * Threads that live for a moment, in changing numbers: some leave blocks behind, some free what the
 * dead left, some do nothing at all, some are detached. 10^4 of them by default. SEED=, ROUNDS=.
 */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

enum { SLOTS = 2000, WAVES = 400, MOST = 50 };

static _Atomic(size_t *) slots[SLOTS];
static atomic_int detached;
static uint64_t seed;

static void swap_some(uint64_t state, int count) {
    for (int i = 0; i < count; i++) {
        uint64_t random = check_random(&state);
        size_t words = 1 + (random & 127 ? random >> 8 & 127 : random >> 8 & 32767);
        size_t *block = random >> 62 ? malloc(words * sizeof *block) : calloc(words, sizeof *block);
        CHECK(block && (random >> 62 || check_zero(block, words * sizeof *block)));
        block[0] = words;
        block[words - 1] = words;
        block = atomic_exchange(&slots[random % SLOTS], block);
        CHECK(!block || block[block[0] - 1] == block[0]);
        free(block);
    }
}

static void *run(void *argument) {
    uint64_t state = seed + (uintptr_t)argument * 0x9E3779B97F4A7C15ULL;
    int count = (int)(check_random(&state) % 200);
    swap_some(state, count < 50 ? 0 : count);
    return NULL;
}

static void *run_detached(void *argument) {
    run(argument);
    atomic_fetch_sub(&detached, 1);
    return NULL;
}

static void run_wave(uint64_t wave) {
    pthread_t threads[MOST];
    unsigned count = (unsigned)(wave * 7 % MOST) + 1;
    for (unsigned i = 0; i < count; i++) {
        bool is_detached = i % 10 == 9;
        if (is_detached)
            atomic_fetch_add(&detached, 1);
        CHECK(pthread_create(&threads[i], NULL, is_detached ? run_detached : run,
                             (void *)(uintptr_t)(wave * MOST + i)) == 0);
        if (is_detached)
            CHECK(pthread_detach(threads[i]) == 0);
    }
    for (unsigned i = 0; i < count; i++)
        if (i % 10 != 9)
            CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void) {
    unsigned long rounds = check_setting("ROUNDS", 1);
    size_t early = 0;
    seed = check_seed();
    alarm(0);
    for (unsigned long wave = 0; wave < rounds * WAVES; wave++) {
        run_wave(wave);
        if (wave == WAVES / 4)
            early = check_resident_bytes();
    }
    while (atomic_load(&detached))
        usleep(1000);
    CHECK(check_resident_bytes() < early + ((size_t)48 << 20));
    for (int i = 0; i < SLOTS; i++) {
        size_t *block = atomic_load(&slots[i]);
        CHECK(!block || block[block[0] - 1] == block[0]);
        free(block);
    }
    return 0;
}

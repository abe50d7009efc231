/* SPDX-License-Identifier: MIT */
/*
 * Others free what a thread made while it is blocked, goes on, or exits: its memory must come back
 * without it, and nothing may be lost when it wakes. Contents are checked. SEED=, ROUNDS=.
 */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

enum { MAKERS = 8, FREERS = 3, MADE_BYTES = 12 << 20, MOST = 60000 };
enum conduct { BLOCK, GO_ON, EXIT, CONDUCTS };

struct made {
    unsigned char *block;
    unsigned bytes;
};

static struct maker {
    struct made made[MOST];
    unsigned count;
    uint64_t random;
    enum conduct conduct;
    unsigned keep_one_in; /* 0: everything is freed */
} makers[MAKERS];

static pthread_barrier_t all_made, all_freed;
static uint64_t seed;

static void make(struct maker *maker, unsigned i) {
    unsigned bytes = 1 + (unsigned)(check_random(&maker->random) >> 20) % 1500;
    unsigned char *block = malloc(bytes);
    CHECK(block != NULL);
    memset(block, (int)(i & 255), bytes);
    maker->made[i] = (struct made){block, bytes};
}

static void unmake(struct made *made, unsigned i) {
    CHECK(made->block[0] == (i & 255) && made->block[made->bytes - 1] == (i & 255));
    free(made->block);
    made->block = NULL;
}

static void go_on(uint64_t random) {
    void *kept[64] = {NULL};
    for (int i = 0; i < 100000; i++) {
        uint64_t r = check_random(&random);
        free(kept[r & 63]);
        kept[r & 63] = malloc((r >> 20) % 1500);
    }
    for (int i = 0; i < 64; i++)
        free(kept[i]);
}

static void *run_maker(void *argument) {
    struct maker *maker = argument;
    size_t bytes = 0;
    for (maker->count = 0; bytes < MADE_BYTES && maker->count < MOST; maker->count++) {
        make(maker, maker->count);
        bytes += maker->made[maker->count].bytes;
    }
    pthread_barrier_wait(&all_made);
    if (maker->conduct == EXIT)
        return NULL;
    if (maker->conduct == GO_ON)
        go_on(maker->random);
    pthread_barrier_wait(&all_freed);
    go_on(maker->random); /* finds what was freed for it */
    for (unsigned i = 0; i < maker->count; i++)
        if (maker->made[i].block)
            unmake(&maker->made[i], i);
    return NULL;
}

static bool is_kept(const struct maker *maker, unsigned i) {
    return maker->conduct != EXIT && maker->keep_one_in && i % maker->keep_one_in == 0;
}

/* Each freer takes every third block of every maker. */
static void *run_freer(void *argument) {
    unsigned me = (unsigned)(uintptr_t)argument;
    for (unsigned m = 0; m < MAKERS; m++)
        for (unsigned i = me; i < makers[m].count; i += FREERS)
            if (!is_kept(&makers[m], i))
                unmake(&makers[m].made[i], i);
    return NULL;
}

static void run_freers(void) {
    pthread_t freers[FREERS];
    for (uintptr_t i = 0; i < FREERS; i++)
        CHECK(pthread_create(&freers[i], NULL, run_freer, (void *)i) == 0);
    for (int i = 0; i < FREERS; i++)
        CHECK(pthread_join(freers[i], NULL) == 0);
}

/* In the first round all block, and everything is freed. */
static unsigned choose_conduct(bool is_first) {
    unsigned staying = 0;
    for (int i = 0; i < MAKERS; i++) {
        makers[i].random = seed + (unsigned)i * 2;
        uint64_t random = check_random(&makers[i].random);
        makers[i].conduct = is_first ? BLOCK : (enum conduct)(random >> 33) % CONDUCTS;
        makers[i].keep_one_in = is_first ? 0 : (unsigned)(random >> 40) % 300;
        staying += makers[i].conduct != EXIT;
    }
    return staying;
}

static void run_round(bool is_first) {
    pthread_t threads[MAKERS];
    unsigned staying = choose_conduct(is_first);
    CHECK(pthread_barrier_init(&all_made, NULL, MAKERS + 1) == 0);
    CHECK(pthread_barrier_init(&all_freed, NULL, staying + 1) == 0);
    for (int i = 0; i < MAKERS; i++)
        CHECK(pthread_create(&threads[i], NULL, run_maker, &makers[i]) == 0);
    pthread_barrier_wait(&all_made);
    size_t made_bytes = check_resident_bytes();
    CHECK(made_bytes == 0 || made_bytes > (size_t)MAKERS * MADE_BYTES);
    run_freers();
    if (is_first && made_bytes)
        CHECK(check_resident_bytes() < made_bytes / 4 * 3);
    pthread_barrier_wait(&all_freed);
    for (int i = 0; i < MAKERS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(pthread_barrier_destroy(&all_made) == 0 && pthread_barrier_destroy(&all_freed) == 0);
}

int main(void) {
    unsigned long rounds = check_setting("ROUNDS", 6);
    seed = check_seed();
    for (unsigned long round = 0; round < rounds; round++, seed += 1000)
        run_round(round == 0);
    return 0;
}

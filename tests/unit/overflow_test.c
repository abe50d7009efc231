/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/heap/stalled: threads make blocks and wait, others free them; then the makers go on
 * or exit. Freed slabs are purged while their owners sleep, wake or die. The build with
 * --enable-sanitizer=thread runs it to prove the orders of the atomics.
 */
#include "cache/verify.h"
#include "front/alloc.h"
#include "front/free.h"
#include "front/thread.h"
#include "pages/run.h"
#include "stats/process.h"

#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#define MAKERS 4
#define FREERS 3
#define BLOCKS 12000
#define KEPT 3000
#define ROUNDS 4

static unsigned char *made[MAKERS][BLOCKS];
static pthread_barrier_t all_made, all_freed;
static atomic_size_t freed;
static uint64_t seed;

/* Blocks come and go; each keeps what was written to it. */
static void go_on(uint64_t random, unsigned char tag) {
    unsigned char *own[KEPT] = {NULL};
    for (int i = 0; i < BLOCKS; i++) {
        size_t slot = (size_t)(unit_random(&random) % KEPT);
        for (int k = 0; own[slot] && k < 200; k += 8)
            CHECK(own[slot][k] == tag);
        hak_free(own[slot]);
        own[slot] = hak_alloc(200 + unit_random(&random) % 700);
        memset(own[slot], tag, 200);
    }
    for (size_t slot = 0; slot < KEPT; slot++)
        hak_free(own[slot]);
}

static void *make(void *argument) {
    size_t me = (size_t)(uintptr_t)argument;
    uint64_t random = seed + me;
    for (int i = 0; i < BLOCKS; i++) {
        made[me % MAKERS][i] = hak_alloc(16 + unit_random(&random) % 900);
        memset(made[me % MAKERS][i], (int)me, 16);
    }
    pthread_barrier_wait(&all_made);
    while (me % 2 && atomic_load(&freed) < BLOCKS / 2 * (me % MAKERS))
        sched_yield(); /* every other one wakes in the middle of it */
    if (me % 2)
        go_on(random, (unsigned char)me);
    pthread_barrier_wait(&all_freed);
    if (me % 3)
        go_on(random, (unsigned char)me);
    hak_verify_heap_always(hak_heap_get());
    return NULL;
}

static void *unmake(void *argument) {
    unsigned me = (unsigned)(uintptr_t)argument;
    for (unsigned i = me; i < BLOCKS; i += FREERS)
        for (unsigned maker = 0; maker < MAKERS; maker++) {
            CHECK(made[maker][i][15] % MAKERS == maker);
            hak_free(made[maker][i]);
            atomic_fetch_add(&freed, 1);
        }
    return NULL;
}

static void run_round(size_t round) {
    pthread_t makers[MAKERS], freers[FREERS];
    atomic_store(&freed, 0);
    for (size_t i = 0; i < MAKERS; i++)
        CHECK(!pthread_create(&makers[i], NULL, make, (void *)(round * MAKERS + i)));
    pthread_barrier_wait(&all_made);
    for (uintptr_t i = 0; i < FREERS; i++)
        CHECK(!pthread_create(&freers[i], NULL, unmake, (void *)i));
    for (int i = 0; i < FREERS; i++)
        CHECK(!pthread_join(freers[i], NULL));
    pthread_barrier_wait(&all_freed);
    for (int i = 0; i < MAKERS; i++)
        CHECK(!pthread_join(makers[i], NULL));
}

int main(void) {
    seed = unit_seed();
    CHECK(!pthread_barrier_init(&all_made, NULL, MAKERS + 1));
    CHECK(!pthread_barrier_init(&all_freed, NULL, MAKERS + 1));
    for (size_t round = 1; round <= ROUNDS; round++)
        run_round(round);
    hak_heap_trim();
    hak_run_verify();
    CHECK(hak_process_counters.used_bytes < HAK_MIB(2));
    return 0;
}

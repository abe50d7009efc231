/* SPDX-License-Identifier: MIT */
/*
 * Threads: more than cores; blocks freed by another thread than allocated them, also after the
 * allocating thread is gone; producers and consumers; many thousand threads made and gone, with
 * bounded memory. Contents are checked at every free.
 */
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 16, SLOTS = 512, STEPS = 20000 };

static _Atomic(unsigned *) slots[SLOTS];

/* A block's first word holds its size in words; every further word the size mixed with its place.
 */
static unsigned *make_block(uint64_t *state) {
    uint64_t random = check_random(state);
    unsigned words = 2 + (unsigned)(random >> 8) % (random % 50 == 0 ? 20000 : 100);
    unsigned *block = malloc(words * sizeof *block);
    CHECK(block && check_is_aligned(block, 16));
    for (unsigned i = 0; i < words; i++)
        block[i] = i ? words * 2654435761u ^ i : words;
    return block;
}

static void break_block(unsigned *block) {
    unsigned words = block[0];
    for (unsigned i = 1; i < words; i++)
        CHECK(block[i] == (words * 2654435761u ^ i));
    block[0] = 0;
    free(block);
}

/* Everybody puts blocks into common slots and frees what was there, mostly others' blocks. */
static void *exchange(void *argument) {
    uint64_t state = (uintptr_t)argument * 77777 + 1;
    for (int i = 0; i < STEPS; i++) {
        unsigned *mine = make_block(&state);
        unsigned *old = atomic_exchange(&slots[check_random(&state) % SLOTS], mine);
        if (old)
            break_block(old);
    }
    return NULL;
}

static void run_threads(int count, void *(*body)(void *)) {
    pthread_t threads[64];
    for (int i = 0; i < count; i++)
        CHECK(pthread_create(&threads[i], NULL, body, (void *)(uintptr_t)(i + 1)) == 0);
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

static void empty_slots(void) {
    for (int i = 0; i < SLOTS; i++) {
        unsigned *old = atomic_exchange(&slots[i], NULL);
        if (old)
            break_block(old);
    }
}

/* One way only: a bounded queue from producer to consumer. */
enum { QUEUE = 1024, PRODUCED = 400000 };
static _Atomic(unsigned *) queue[QUEUE];

static void *produce(void *argument) {
    uint64_t state = (uintptr_t)argument;
    for (int i = 0; i < PRODUCED; i++) {
        unsigned *block = make_block(&state);
        while (atomic_load(&queue[i % QUEUE]))
            sched_yield();
        atomic_store(&queue[i % QUEUE], block);
    }
    return NULL;
}

static void check_one_way(void) {
    pthread_t producer;
    CHECK(pthread_create(&producer, NULL, produce, (void *)(uintptr_t)5) == 0);
    for (int i = 0; i < PRODUCED; i++) {
        unsigned *block;
        while (!(block = atomic_exchange(&queue[i % QUEUE], NULL)))
            sched_yield();
        break_block(block);
    }
    CHECK(pthread_join(producer, NULL) == 0);
}

/* A thread that leaves live blocks behind, which outlive it by far. */
static void *leave_blocks(void *argument) {
    uint64_t state = (uintptr_t)argument * 31 + 7;
    for (int i = 0; i < 40; i++) {
        unsigned *mine = make_block(&state);
        unsigned *old = atomic_exchange(&slots[check_random(&state) % SLOTS], mine);
        if (old)
            break_block(old);
    }
    return NULL;
}

static void check_churn(int rounds) {
    for (int i = 0; i < rounds; i++) {
        pthread_t threads[8];
        for (int t = 0; t < 8; t++)
            CHECK(pthread_create(&threads[t], NULL, leave_blocks,
                                 (void *)(uintptr_t)(i * 8 + t + 1)) == 0);
        for (int t = 0; t < 8; t++)
            CHECK(pthread_join(threads[t], NULL) == 0);
    }
}

/* 10^4 threads come and go; what the later ones use, the earlier ones must have left. */
static void check_churn_is_bounded(void) {
    check_churn(250);
    size_t early = check_resident_bytes();
    check_churn(1000);
    size_t late = check_resident_bytes();
    CHECK(late < early + ((size_t)24 << 20));
    empty_slots();
}

int main(void) {
    run_threads(THREADS, exchange);
    empty_slots();
    check_one_way();
    run_threads(64, exchange);
    empty_slots();
    check_churn_is_bounded();
    return 0;
}

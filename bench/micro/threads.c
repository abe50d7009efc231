// SPDX-License-Identifier: MIT
// Owns the benches of several threads: separate work, rings, handing on through a shared array,
// threads that come and go, false sharing, idle threads. An operation is one call that takes or
// releases a block, by whichever thread.
#include "micro.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

static struct sizes sizes;

static void mix_of_thread(uint64_t ops, size_t count, unsigned index) {
    struct random random = random_of_thread(index);
    void **slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        micro_fail("out of memory");
    for (uint64_t i = 0; i < ops; i++) {
        void **slot = &slots[random_below(&random, count)];
        if (*slot != NULL) {
            free(*slot);
            *slot = NULL;
        } else
            *slot = take(sizes_take(&sizes, &random));
    }
    for (size_t i = 0; i < count; i++)
        free(slots[i]);
    free(slots);
}

struct separate {
    uint64_t ops_each;
    size_t slots;
};

static void separate_body(void *argument, unsigned index) {
    const struct separate *separate = argument;
    mix_of_thread(separate->ops_each, separate->slots, index);
}

/* Each thread has a mix of its own; the work is shared out among them. */
void bench_threads(void) {
    unsigned count = (unsigned)option_number("threads", 2);
    uint64_t ops = option_ops(10000000);
    struct separate separate = {ops / count, option_number("slots", 1024)};
    sizes_fill(&sizes, option_word("size", "mixed"));
    measure_begin();
    threads_run(count, separate_body, &separate);
    measure_end(separate.ops_each * count);
}

/*
 * A ring of one producer and one consumer. Ends are published a batch at a time, so that the ring
 * itself costs little beside malloc and free. Who finds it full or empty gives up the processor.
 */
enum { RING_SIZE = 1024, RING_BATCH = 32 };
struct ring {
    _Alignas(128) _Atomic size_t written;
    _Alignas(128) _Atomic size_t read;
    _Alignas(128) char *blocks[RING_SIZE];
};

static struct {
    unsigned producers, consumers;
    uint64_t batches;
    struct ring *rings;
} rings;

static void ring_put(struct ring *ring, struct random *random) {
    size_t at = atomic_load_explicit(&ring->written, memory_order_relaxed);
    while (at - atomic_load_explicit(&ring->read, memory_order_acquire) > RING_SIZE - RING_BATCH)
        sched_yield();
    for (size_t i = 0; i < RING_BATCH; i++)
        ring->blocks[(at + i) % RING_SIZE] = take(sizes_take(&sizes, random));
    atomic_store_explicit(&ring->written, at + RING_BATCH, memory_order_release);
}

static bool ring_get(struct ring *ring) {
    size_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);
    if (atomic_load_explicit(&ring->written, memory_order_acquire) == at)
        return false;
    for (size_t i = 0; i < RING_BATCH; i++) {
        char *block = ring->blocks[(at + i) % RING_SIZE];
        if (*(volatile char *)block != 1)
            micro_fail("a block lost its contents");
        free(block);
    }
    atomic_store_explicit(&ring->read, at + RING_BATCH, memory_order_release);
    return true;
}

/* Ring of producer p and consumer c: rings[p * consumers + c]; each goes round its own. */
static void ring_body(void *argument, unsigned index) {
    (void)argument;
    unsigned pairs = rings.producers * rings.consumers;
    if (index < rings.producers) {
        struct random random = random_of_thread(index);
        for (uint64_t i = 0; i < rings.batches * rings.consumers; i++)
            ring_put(&rings.rings[index * rings.consumers + i % rings.consumers], &random);
        return;
    }
    uint64_t wanted = rings.batches * rings.producers;
    for (unsigned at = index - rings.producers, missed = 0; wanted != 0;) {
        if (ring_get(&rings.rings[at])) {
            wanted--;
            missed = 0;
        } else if (++missed % rings.producers == 0)
            sched_yield();
        at = (at + rings.consumers) % pairs;
    }
}

void bench_ring(void) {
    rings.producers = (unsigned)option_number("producers", 1);
    rings.consumers = (unsigned)option_number("consumers", 1);
    size_t pairs = (size_t)rings.producers * rings.consumers;
    rings.batches = option_ops(8000000) / (2 * RING_BATCH * pairs) + 1;
    sizes_fill(&sizes, option_word("size", "16-256"));
    if (posix_memalign((void **)&rings.rings, 128, pairs * sizeof *rings.rings) != 0)
        micro_fail("out of memory");
    memset(rings.rings, 0, pairs * sizeof *rings.rings);
    measure_begin();
    threads_run(rings.producers + rings.consumers, ring_body, NULL);
    measure_end(2 * RING_BATCH * rings.batches * pairs);
}

static struct {
    _Atomic(void *) *slots;
    size_t count;
    uint64_t ops_each;
} shared;

/* What is found in the slot was put there by any thread. */
static void bleed_body(void *argument, unsigned index) {
    (void)argument;
    struct random random = random_of_thread(index);
    for (uint64_t i = 0; i < shared.ops_each; i += 2) {
        void *block = take(sizes_take(&sizes, &random));
        size_t at = random_below(&random, shared.count);
        free(atomic_exchange_explicit(&shared.slots[at], block, memory_order_acq_rel));
    }
}

void bench_bleed(void) {
    unsigned count = (unsigned)option_number("threads", 2);
    shared.count = option_number("slots", 4096);
    shared.ops_each = option_ops(6000000) / count;
    shared.slots = calloc(shared.count, sizeof *shared.slots);
    if (shared.slots == NULL)
        micro_fail("out of memory");
    sizes_fill(&sizes, option_word("size", "mixed"));
    measure_begin();
    threads_run(count, bleed_body, NULL);
    measure_end(shared.ops_each * count);
}

/*
 * Each lane is a chain of threads, one after another; each replaces random blocks of the lane, most
 * of which its forerunners have left, starts the next thread and exits.
 */
struct lane {
    void **slots;
    size_t count;
    uint64_t ops_each;
    unsigned index;
};

static void *lane_thread(void *argument) {
    struct lane *lane = argument;
    struct random random = random_of_thread(lane->index++);
    for (uint64_t i = 0; i < lane->ops_each; i += 2) {
        void **slot = &lane->slots[random_below(&random, lane->count)];
        free(*slot);
        *slot = take(sizes_take(&sizes, &random));
    }
    return NULL;
}

static struct {
    unsigned generations, lanes;
    uint64_t ops_each;
    size_t slots;
} churn;

static void lane_body(void *argument, unsigned index) {
    (void)argument;
    struct lane lane = {calloc(churn.slots, sizeof(void *)), churn.slots, churn.ops_each,
                        index * 100000};
    if (lane.slots == NULL)
        micro_fail("out of memory");
    for (unsigned i = 0; i < churn.generations; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, lane_thread, &lane) != 0)
            micro_fail("no thread to be had");
        pthread_join(thread, NULL);
    }
}

void bench_churn(void) {
    churn.lanes = (unsigned)option_number("lanes", 2);
    churn.ops_each = option_number("each", 10000);
    churn.slots = option_number("slots", 1000);
    churn.generations = (unsigned)(option_ops(8000000) / churn.ops_each / churn.lanes) + 1;
    sizes_fill(&sizes, option_word("size", "16-512"));
    measure_begin();
    threads_run(churn.lanes, lane_body, NULL);
    measure_end(churn.ops_each * churn.lanes * churn.generations);
}

static struct {
    bool passive;
    uint64_t rounds;
    size_t bytes;
    void *given[64];
} sharing;

/* An operation is 100 increments of each byte of a small block that was just taken. */
static void sharing_body(void *argument, unsigned index) {
    (void)argument;
    if (sharing.passive)
        free(sharing.given[index]);
    for (uint64_t i = 0; i < sharing.rounds; i++) {
        volatile char *block = take(sharing.bytes);
        for (unsigned writes = 0; writes < 100; writes++)
            for (size_t at = 0; at < sharing.bytes; at++)
                block[at] = (char)(block[at] + 1);
        free((void *)block);
    }
}

/*
 * Active: does malloc put blocks of two threads into one cache line? Passive: does a thread get
 * back a piece of a line that it freed, while another uses the rest of it?
 */
void bench_sharing(void) {
    unsigned count = (unsigned)option_number("threads", 2);
    if (count > 64)
        micro_refuse("more than 64", "threads");
    sharing.passive = option_number("passive", 0) != 0;
    sharing.bytes = option_number("bytes", 8);
    sharing.rounds = option_ops(400000) / count;
    for (unsigned i = 0; i < count && sharing.passive; i++)
        sharing.given[i] = take(sharing.bytes);
    measure_begin();
    threads_run(count, sharing_body, NULL);
    measure_end(sharing.rounds * count);
}

static struct { pthread_barrier_t ready, end; } idle;

/* A little of everything, as a thread of a pool has done before it waits. */
static void *idle_thread(void *argument) {
    void *blocks[64];
    struct random random = random_of_thread((unsigned)(uintptr_t)argument);
    for (int i = 0; i < 64; i++)
        blocks[i] = take(sizes_take(&sizes, &random));
    for (int i = 0; i < 64; i++)
        free(blocks[i]);
    pthread_barrier_wait(&idle.ready);
    pthread_barrier_wait(&idle.end);
    return NULL;
}

/* Many threads start, use malloc a little and wait; then the main thread works by itself. */
void bench_idle(void) {
    unsigned count = (unsigned)option_number("threads", 1000);
    uint64_t ops = option_ops(4000000);
    pthread_t *threads = calloc(count, sizeof *threads);
    pthread_attr_t attributes;
    if (threads == NULL)
        micro_fail("out of memory");
    sizes_fill(&sizes, option_word("size", "mixed"));
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, KIB(128));
    pthread_barrier_init(&idle.ready, NULL, count + 1);
    pthread_barrier_init(&idle.end, NULL, count + 1);
    uint64_t before_kib = resident_kib();
    measure_begin();
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&threads[i], &attributes, idle_thread, (void *)(uintptr_t)i) != 0)
            micro_fail("no thread to be had");
    pthread_barrier_wait(&idle.ready);
    uint64_t settled_kib = resident_kib();
    mix_of_thread(ops, 1024, count);
    measure_end(ops + 128 * (uint64_t)count);
    measure_add("settled_kib", settled_kib - before_kib);
    pthread_barrier_wait(&idle.end);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

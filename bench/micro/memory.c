// SPDX-License-Identifier: MIT
// Owns the benches of memory: what stays resident when a program is done with it, and what giving
// it back costs. They print settled_kib, what is resident `settle` milliseconds after the work, and
// live_kib, what the program still holds; fixed costs of the process are not taken off.
#include "micro.h"
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

static struct sizes sizes;

static void sleep_ms(uint64_t ms) {
    struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static void settle(uint64_t live_bytes) {
    sleep_ms(option_number("settle", 3000));
    measure_add("settled_kib", resident_kib());
    measure_add("live_kib", live_bytes >> 10);
}

/* Blocks of up to `bytes` together, chained through their first word, every page written. */
static void *chain_take(size_t bytes, struct random *random, uint64_t *ret_blocks) {
    void *chain = NULL;
    for (size_t taken = 0; taken < bytes;) {
        size_t size = sizes_take(&sizes, random);
        void **block = take(size);
        for (size_t at = 4096; at < size; at += 4096)
            ((volatile char *)block)[at] = 1;
        *block = chain;
        chain = block;
        taken += size;
        *ret_blocks += 1;
    }
    return chain;
}

static void chain_free(void *chain) {
    while (chain != NULL) {
        void *next = *(void **)chain;
        free(chain);
        chain = next;
    }
}

/* Threads of a bench: they do their part, and then block until what is resident was looked at. */
static struct {
    pthread_t *threads;
    unsigned count;
    bool exits; /* they don't block */
    pthread_barrier_t done, end;
} crew;

/* The measured stretch begins with them. */
static void crew_start(unsigned count, void *(*body)(void *)) {
    crew.count = count;
    pthread_barrier_init(&crew.done, NULL, count + 1);
    pthread_barrier_init(&crew.end, NULL, count + 1);
    measure_begin();
    crew.threads = calloc(count, sizeof *crew.threads);
    for (unsigned i = 0; i < count; i++)
        if (crew.threads == NULL ||
            pthread_create(&crew.threads[i], NULL, body, (void *)(uintptr_t)i) != 0)
            micro_fail("no thread to be had");
}

/* The last thing that each thread does. */
static void *crew_block(void) {
    pthread_barrier_wait(&crew.done);
    if (!crew.exits)
        pthread_barrier_wait(&crew.end);
    return NULL;
}

static void crew_wait(void) {
    pthread_barrier_wait(&crew.done);
}

static void crew_end(void) {
    if (!crew.exits)
        pthread_barrier_wait(&crew.end);
    for (unsigned i = 0; i < crew.count; i++)
        pthread_join(crew.threads[i], NULL);
    free(crew.threads);
}

static struct {
    size_t bytes;
    _Atomic uint64_t blocks;
} burst;

static void burst_once(unsigned index) {
    struct random random = random_of_thread(index);
    uint64_t blocks = 0;
    chain_free(chain_take(burst.bytes, &random, &blocks));
    burst.blocks += blocks;
}

/* `count` threads have their bursts; 0 threads: the main one has. */
static void run_bursts(unsigned count, void *(*body)(void *)) {
    crew_start(count, body);
    if (count == 0)
        burst_once(0);
    crew_wait();
    measure_end(2 * burst.blocks);
    settle(0);
    crew_end();
}

static void *burst_thread(void *argument) {
    burst_once((unsigned)(uintptr_t)argument);
    return crew_block();
}

/* All threads take `bytes` each and free them, then block. */
void bench_burst(void) {
    burst.bytes = option_number("bytes", MIB(64));
    sizes_fill(&sizes, option_word("size", "512"));
    run_bursts((unsigned)option_number("threads", 8), burst_thread);
}

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void *pool_thread(void *argument) {
    pthread_mutex_lock(&turn);
    burst_once((unsigned)(uintptr_t)argument);
    pthread_mutex_unlock(&turn);
    return crew_block();
}

/* The threads of a pool take the same burst, one after another. */
void bench_pool(void) {
    burst.bytes = option_number("bytes", MIB(32));
    sizes_fill(&sizes, option_word("size", "mixed"));
    run_bursts((unsigned)option_number("threads", 64), pool_thread);
}

/* One queue: producers put under a lock, the consumer frees the oldest when `live` are in it. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t room, work;
    void **blocks;
    uint64_t written, read, total, claimed;
    size_t live;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .room = PTHREAD_COND_INITIALIZER,
           .work = PTHREAD_COND_INITIALIZER};
enum { QUEUE_BATCH = 64 };

/* Claims a batch's worth of the blocks that are still to be made. */
static bool queue_claim(void) {
    pthread_mutex_lock(&queue.lock);
    bool more = queue.claimed < queue.total;
    if (more)
        queue.claimed += QUEUE_BATCH;
    pthread_mutex_unlock(&queue.lock);
    return more;
}

static void queue_put(void **batch) {
    pthread_mutex_lock(&queue.lock);
    while (queue.written - queue.read > queue.live)
        pthread_cond_wait(&queue.room, &queue.lock);
    for (int i = 0; i < QUEUE_BATCH; i++)
        queue.blocks[queue.written++ % (2 * queue.live)] = batch[i];
    pthread_cond_signal(&queue.work);
    pthread_mutex_unlock(&queue.lock);
}

static void *queue_producer(void *argument) {
    struct random random = random_of_thread((unsigned)(uintptr_t)argument);
    void *batch[QUEUE_BATCH];
    while (queue_claim()) {
        for (int i = 0; i < QUEUE_BATCH; i++)
            batch[i] = take(sizes_take(&sizes, &random));
        queue_put(batch);
    }
    return crew_block();
}

static void queue_free_some(uint64_t keep) {
    void *batch[QUEUE_BATCH];
    pthread_mutex_lock(&queue.lock);
    while (queue.written - queue.read < keep + QUEUE_BATCH)
        pthread_cond_wait(&queue.work, &queue.lock);
    for (int i = 0; i < QUEUE_BATCH; i++)
        batch[i] = queue.blocks[queue.read++ % (2 * queue.live)];
    pthread_cond_broadcast(&queue.room);
    pthread_mutex_unlock(&queue.lock);
    for (int i = 0; i < QUEUE_BATCH; i++)
        free(batch[i]);
}

/* Producers, then blocked or gone, of `live` blocks that a thread which only frees takes out. */
void bench_queue(void) {
    crew.exits = option_number("exit", 0) != 0;
    sizes_fill(&sizes, option_word("size", "512"));
    queue.live = option_number("bytes", MIB(370)) / 512 / QUEUE_BATCH * QUEUE_BATCH;
    queue.total = queue.live * option_number("turns", 4);
    queue.blocks = malloc(2 * queue.live * sizeof(void *));
    if (queue.blocks == NULL)
        micro_fail("out of memory");
    memset(queue.blocks, 0, 2 * queue.live * sizeof(void *));
    crew_start((unsigned)option_number("threads", 16), queue_producer);
    uint64_t keep = queue.live - QUEUE_BATCH;
    while (queue.read + keep + QUEUE_BATCH <= queue.total)
        queue_free_some(keep);
    crew_wait();
    measure_end(queue.written + queue.read);
    settle((queue.written - queue.read) * 512 + 2 * queue.live * sizeof(void *));
    crew_end();
}

static _Atomic uint64_t witness_until_ns; /* 0: it isn't ready */

/* One block of sixteen stays, of so many bytes. */
static void make_sparse(size_t bytes, struct random *random) {
    size_t count = bytes / 512;
    void **slots = take(count * sizeof *slots + 1);
    for (size_t i = 0; i < count; i++) {
        size_t size = sizes_take(&sizes, random);
        slots[i] = memset(take(size), 1, size);
    }
    for (size_t i = 0; i < count; i++)
        if (random_below(random, 16) != 0)
            free(slots[i]);
    free(slots);
}

/* The longest that 32 calls take meanwhile. Nobody wakes up to stop it: that takes a processor. */
static void *trim_witness(void *argument) {
    uint64_t *ret_longest_ns = argument;
    struct random random = random_of_thread(1);
    make_sparse(option_number("other", 0), &random);
    witness_until_ns = UINT64_MAX;
    for (uint64_t before = clock_ns(), now; before < witness_until_ns; before = now) {
        for (int i = 0; i < 16; i++)
            free(take(sizes_take(&sizes, &random)));
        now = clock_ns();
        if (now - before > *ret_longest_ns)
            *ret_longest_ns = now - before;
    }
    return NULL;
}

/* Half the blocks are freed, then malloc_trim(0) is called; tail_ns is what a second thread saw. */
void bench_trim(void) {
    struct random random = random_of_thread(0);
    uint64_t blocks = 0, longest_ns = 0;
    pthread_t witness;
    sizes_fill(&sizes, option_word("size", "mixed"));
    burst.bytes = option_number("bytes", MIB(256));
    void *kept = chain_take(burst.bytes / 8, &random, &blocks);
    chain_free(chain_take(burst.bytes, &random, &blocks));
    if (pthread_create(&witness, NULL, trim_witness, &longest_ns) != 0)
        micro_fail("no thread to be had");
    while (!witness_until_ns)
        sleep_ms(20);
    measure_begin();
    malloc_trim(0);
    measure_end(1);
    witness_until_ns = clock_ns() + option_number("after", 0) * 1000000;
    sleep_ms(option_number("after", 0));
    pthread_join(witness, NULL);
    measure_add("tail_ns", longest_ns);
    settle(burst.bytes / 8);
    chain_free(kept);
}

static uint64_t holes_fill(void **slots, size_t count, struct random *random, size_t low,
                           size_t *live) {
    uint64_t ops = 0;
    for (size_t i = 0; i < count; i++) {
        if (slots[i] != NULL)
            continue;
        size_t bytes = low + random_below(random, low);
        slots[i] = take(bytes);
        *live += bytes;
        ops++;
    }
    return ops;
}

/* A server that fills, deletes nine in ten at random, and fills with other sizes, many times. */
void bench_holes(void) {
    static const size_t lows[] = {32, 400, 100, 1500, 60, 700};
    size_t budget = option_number("bytes", MIB(128)), live = 0, most = budget / 32;
    uint64_t rounds = option_number("rounds", 12), ops = 0;
    struct random random = random_of_thread(0);
    void **slots = calloc(most, sizeof *slots);
    if (slots == NULL)
        micro_fail("out of memory");
    measure_begin();
    for (uint64_t round = 0; round < rounds; round++) {
        size_t low = lows[round % 6];
        ops += holes_fill(slots, budget / (2 * low), &random, low, &live);
        live = 0;
        for (size_t i = 0; i < most; i++) {
            if (slots[i] != NULL && random_below(&random, 10) != 0) {
                free(slots[i]);
                slots[i] = NULL;
                ops++;
            } else if (slots[i] != NULL)
                live += malloc_usable_size(slots[i]);
        }
    }
    ops += holes_fill(slots, budget / 600, &random, 300, &live);
    measure_end(ops);
    /* Of the slots, the first fill has written half. */
    settle(live + most / 2 * sizeof(void *));
}

/* The same 64 MiB are taken and freed, over and over. */
void bench_cycle(void) {
    struct random random = random_of_thread(0);
    uint64_t cycles = option_ops(20), blocks = 0;
    size_t bytes = option_number("bytes", MIB(64));
    sizes_fill(&sizes, option_word("size", "mixed"));
    measure_begin();
    for (uint64_t i = 0; i < cycles; i++)
        chain_free(chain_take(bytes, &random, &blocks));
    measure_end(2 * blocks);
}

static int compare_ns(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* tail_ns: of 10,000 calls of malloc, while whole bursts come and go, one takes longer. */
void bench_tail(void) {
    struct random random = random_of_thread(0);
    uint64_t ops = option_ops(2000000);
    size_t count = option_number("slots", 65536);
    uint32_t *took_ns = malloc(ops * sizeof *took_ns);
    void **slots = calloc(count, sizeof *slots);
    if (took_ns == NULL || slots == NULL)
        micro_fail("out of memory");
    memset(took_ns, 0, ops * sizeof *took_ns);
    sizes_fill(&sizes, option_word("size", "mixed"));
    measure_begin();
    for (uint64_t i = 0; i < ops; i++) {
        bool ebb = i / count % 4 == 3;
        void **slot = &slots[ebb ? i % count : random_below(&random, count)];
        free(*slot);
        *slot = NULL;
        uint64_t before = clock_ns();
        void *block = malloc(sizes_take(&sizes, &random));
        took_ns[i] = (uint32_t)(clock_ns() - before);
        if (ebb)
            free(block);
        else
            *slot = block;
    }
    measure_end(2 * ops);
    qsort(took_ns, ops, sizeof *took_ns, compare_ns);
    measure_add("tail_ns", took_ns[ops - 1 - ops / 10000]);
}

static void replace_some(void **slots, size_t count, uint64_t ops) {
    struct random random = random_of_thread(0);
    for (uint64_t i = 0; i < ops; i += 2) {
        void **slot = &slots[random_below(&random, count)];
        size_t bytes = sizes_take(&sizes, &random);
        free(*slot);
        *slot = memset(take(bytes), 1, bytes);
    }
    for (size_t i = 0; i < count; i++) {
        free(slots[i]);
        slots[i] = NULL;
    }
}

static uint64_t own_faults(void) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return (uint64_t)(usage.ru_minflt + usage.ru_majflt);
}

/* new_faults: page faults while random blocks, written as a whole, are replaced; a fortieth of the
 * work comes first and doesn't count. lock=1: all memory is locked before the rest. */
void bench_faults(void) {
    static void *slots[4096];
    uint64_t ops = option_ops(1000000);
    memset(slots, 0, sizeof slots);
    sizes_fill(&sizes, option_word("size", "heavy"));
    replace_some(slots, 4096, ops / 40);
    if (option_number("lock", 0) != 0 && mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        micro_fail("memory can't be locked");
    measure_begin();
    uint64_t before = own_faults();
    replace_some(slots, 4096, ops);
    measure_add("new_faults", own_faults() - before);
    measure_end(ops);
}

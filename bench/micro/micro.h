/* SPDX-License-Identifier: MIT */
/*
 * Owns what every micro bench shares: options (key=value on the command line), random numbers,
 * sizes, the measured stretch of time, groups of threads, and the one line that is printed. The
 * program links no allocator: it takes the one that LD_PRELOAD names. Options are read by the main
 * thread before it starts others.
 */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)

/* The value of option `key`, or `otherwise`. Numbers may end in k, m or g (powers of 1024). */
uint64_t option_number(const char *key, uint64_t otherwise);
const char *option_word(const char *key, const char *otherwise);
/* Option "ops" times option "scale" (a percentage). */
uint64_t option_ops(uint64_t otherwise);

/* One line on standard error, then exit status 2. */
_Noreturn void micro_refuse(const char *what, const char *word);
/* Exit status 1: the bench can't be run here, for lack of memory or threads. */
_Noreturn void micro_fail(const char *what);

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *random) {
    uint64_t x = random->state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    random->state = x;
    return x * 0x2545f4914f6cdd1dU;
}

/* 0 to limit - 1, without a division. */
static inline size_t random_below(struct random *random, size_t limit) {
    return (size_t)(((random_next(random) >> 32) * limit) >> 32);
}

struct random random_of_thread(unsigned index);

/* Sizes in a power of two's worth of table entries: what a bench asks for costs it one load. */
#define SIZES_COUNT 65536
struct sizes {
    uint32_t bytes[SIZES_COUNT];
};

/* Fills the table with the range that option "size" names: see micro.c. */
void sizes_fill(struct sizes *sizes, const char *name);

static inline size_t sizes_take(const struct sizes *sizes, struct random *random) {
    return sizes->bytes[random_next(random) >> 48];
}

/* A block of `bytes` with its first and last byte written. */
static inline void *take(size_t bytes) {
    volatile char *block = malloc(bytes);
    if (block == NULL)
        micro_fail("out of memory");
    block[0] = 1;
    block[bytes - 1] = 1;
    return (void *)block;
}

/* The stretch that counts. What a bench sets up before, and takes down after, isn't in it. */
void measure_begin(void);
void measure_end(uint64_t ops);
/* One more figure on the printed line. */
void measure_add(const char *name, uint64_t value);

uint64_t clock_ns(void);
uint64_t resident_kib(void);

/* Runs body(argument, index) in `count` threads that begin together, and waits for all. */
typedef void thread_body(void *argument, unsigned index);
void threads_run(unsigned count, thread_body *body, void *argument);

typedef void bench_body(void);
bench_body bench_mix, bench_calloc, bench_aligned, bench_realloc, bench_large, bench_live;
bench_body bench_order, bench_ring, bench_bleed, bench_churn, bench_sharing, bench_idle;
bench_body bench_threads, bench_start, bench_burst, bench_pool, bench_queue, bench_trim;
bench_body bench_holes, bench_cycle, bench_tail, bench_faults, bench_core, bench_maps;

#endif

// SPDX-License-Identifier: MIT
// Owns the benches of one thread: random mixes, calloc, aligned, realloc, large, orders of release.
// An operation is one call that takes or releases a block.
#include "micro.h"
#include <string.h>

static struct sizes sizes;

static void **slots_new(size_t count) {
    void **slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        micro_fail("out of memory");
    return slots;
}

/* What an empty slot is filled with. */
typedef void *fill_body(struct random *random);

/* A random slot is freed if it is full, else filled. Inlined: no bench pays for a call. */
__attribute__((always_inline)) static inline void run_mix(void **slots, size_t count, uint64_t ops,
                                                          struct random *random, fill_body *fill) {
    measure_begin();
    for (uint64_t i = 0; i < ops; i++) {
        void **slot = &slots[random_below(random, count)];
        if (*slot != NULL) {
            free(*slot);
            *slot = NULL;
        } else
            *slot = fill(random);
    }
    measure_end(ops);
}

/* The mix of as many slots, and of such sizes, as the options say. */
__attribute__((always_inline)) static inline void run_sized_mix(uint64_t ops, fill_body *fill) {
    size_t count = option_number("slots", 256);
    struct random random = random_of_thread(0);
    sizes_fill(&sizes, option_word("size", "mixed"));
    run_mix(slots_new(count), count, option_ops(ops), &random, fill);
}

static inline void *fill_plain(struct random *random) {
    return take(sizes_take(&sizes, random));
}

/* The first and last byte must be zero. */
static inline void *fill_zeroed(struct random *random) {
    size_t bytes = sizes_take(&sizes, random);
    char *block = calloc(1, bytes);
    if (block == NULL || block[0] != 0 || block[bytes - 1] != 0)
        micro_fail("calloc: no memory, or not zero");
    return memset(block, 1, bytes < 4096 ? bytes : 4096);
}

/* Alignments from 16 bytes to a page. */
static inline void *fill_aligned(struct random *random) {
    void *block;
    size_t alignment = (size_t)16 << random_below(random, 9);
    if (posix_memalign(&block, alignment, sizes_take(&sizes, random)) != 0)
        micro_fail("out of memory");
    *(volatile char *)block = 1;
    return block;
}

void bench_mix(void) {
    run_sized_mix(10000000, fill_plain);
}

void bench_calloc(void) {
    run_sized_mix(5000000, fill_zeroed);
}

void bench_aligned(void) {
    run_sized_mix(5000000, fill_aligned);
}

/* Several buffers grow in turn, by an eighth and 16 bytes at a time, from 16 bytes to `limit`. */
void bench_realloc(void) {
    enum { BUFFERS = 16 };
    size_t limit = option_number("limit", KIB(64));
    uint64_t ops = option_ops(1000000);
    struct {
        char *block;
        size_t bytes;
    } buffers[BUFFERS] = {{NULL, 0}};
    measure_begin();
    for (uint64_t i = 0; i < ops; i++) {
        size_t which = i % BUFFERS;
        size_t bytes = buffers[which].bytes;
        if (bytes > limit) {
            free(buffers[which].block);
            buffers[which].block = NULL;
            bytes = 0;
        }
        size_t more = bytes + bytes / 8 + 16;
        volatile char *block = realloc(buffers[which].block, more);
        if (block == NULL)
            micro_fail("out of memory");
        for (size_t at = bytes; at < more; at += 4096)
            block[at] = 1;
        block[more - 1] = 1;
        buffers[which].block = (char *)block;
        buffers[which].bytes = more;
    }
    measure_end(ops);
}

static unsigned large_doublings;

/* 64 KiB and up, each doubling as likely as the others, every page written. */
static inline void *fill_large(struct random *random) {
    size_t bytes = KIB(64) << random_below(random, large_doublings);
    bytes += random_below(random, bytes);
    volatile char *block = take(bytes);
    for (size_t at = 0; at < bytes; at += 4096)
        block[at] = 1;
    return (void *)block;
}

void bench_large(void) {
    enum { SLOTS = 8 };
    struct random random = random_of_thread(0);
    void *slots[SLOTS] = {NULL};
    large_doublings = (unsigned)option_number("doublings", 9);
    run_mix(slots, SLOTS, option_ops(600), &random, fill_large);
}

/* `live` blocks stay live; a random one is replaced at each step. */
void bench_live(void) {
    size_t count = option_number("live", 1000);
    uint64_t steps = option_ops(2000000);
    struct random random = random_of_thread(0);
    sizes_fill(&sizes, option_word("size", "16-64"));
    void **slots = slots_new(count);
    for (size_t i = 0; i < count; i++)
        slots[i] = take(sizes_take(&sizes, &random));
    measure_begin();
    for (uint64_t i = 0; i < steps; i++) {
        void **slot = &slots[random_below(&random, count)];
        free(*slot);
        *slot = take(sizes_take(&sizes, &random));
    }
    measure_end(2 * steps);
}

static void shuffle(void **slots, size_t count, struct random *random) {
    for (size_t i = count; i > 1; i--) {
        size_t other = random_below(random, i);
        void *moved = slots[other];
        slots[other] = slots[i - 1];
        slots[i - 1] = moved;
    }
}

/* First in, first out, with `count` blocks in between. */
static uint64_t run_fifo(void **slots, size_t count, uint64_t ops, struct random *random) {
    for (size_t i = 0; i < count; i++)
        slots[i] = take(sizes_take(&sizes, random));
    measure_begin();
    size_t at = 0;
    for (uint64_t i = 0; i < ops; i += 2) {
        free(slots[at]);
        slots[at] = take(sizes_take(&sizes, random));
        at = at + 1 == count ? 0 : at + 1;
    }
    return ops;
}

/* All are taken, then all released, in the order that was asked for. */
void bench_order(void) {
    size_t count = option_number("slots", 1024);
    uint64_t ops = option_ops(10000000);
    const char *order = option_word("order", "reversed");
    bool in_order = strcmp(order, "in") == 0, fifo = strcmp(order, "fifo") == 0;
    bool shuffled = strcmp(order, "shuffled") == 0;
    if (!in_order && !fifo && !shuffled && strcmp(order, "reversed") != 0)
        micro_refuse("no such order", order);
    struct random random = random_of_thread(0);
    sizes_fill(&sizes, option_word("size", "64"));
    void **slots = slots_new(count);
    if (fifo) {
        measure_end(run_fifo(slots, count, ops, &random));
        return;
    }
    uint64_t done = 0;
    measure_begin();
    for (; done < ops; done += 2 * count) {
        for (size_t i = 0; i < count; i++)
            slots[i] = take(sizes_take(&sizes, &random));
        if (shuffled)
            shuffle(slots, count, &random);
        for (size_t i = 0; i < count; i++)
            free(slots[in_order || shuffled ? i : count - 1 - i]);
    }
    measure_end(done);
}

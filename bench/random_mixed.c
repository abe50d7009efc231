// SPDX-License-Identifier: MIT
// Owns bench_random_mixed: at each step a random slot is freed if it is full, else filled with a
// block of 16 to 1,039 bytes whose first and last byte are written. Built three times: linked with
// libhakmem, with the floor, and with neither.
// Usage: bench_random_mixed_* [CYCLES [SLOTS [SEED]]]. Exit status 2 for a wrong argument.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static uint64_t argument(int argc, char **argv, int at, uint64_t otherwise) {
    if (at >= argc)
        return otherwise;
    char *end;
    uint64_t value = strtoull(argv[at], &end, 10);
    if (end == argv[at] || *end != '\0' || value == 0 || value > UINT32_MAX) {
        fprintf(stderr, "usage: %s [CYCLES [SLOTS [SEED]]], each 1 to 4294967295\n", argv[0]);
        exit(2);
    }
    return value;
}

static inline uint32_t next(uint32_t *state) {
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    return x;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Not inlined: profiles tell it from malloc and free by its name. */
static __attribute__((noinline)) void work(volatile char **slots, uint64_t cycles, uint64_t count,
                                           uint32_t seed) {
    for (uint64_t i = 0; i < cycles; i++) {
        uint32_t random = next(&seed);
        volatile char **slot = &slots[random * count >> 32];
        if (*slot != NULL) {
            free((void *)*slot);
            *slot = NULL;
            continue;
        }
        size_t bytes = 16 + (random & 1023);
        volatile char *block = malloc(bytes);
        if (block == NULL)
            abort();
        block[0] = 1;
        block[bytes - 1] = 1;
        *slot = block;
    }
}

int main(int argc, char **argv) {
    uint64_t cycles = argument(argc, argv, 1, 1000000);
    uint64_t count = argument(argc, argv, 2, 256);
    uint32_t seed = (uint32_t)argument(argc, argv, 3, 42);
    volatile char **slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        abort();
    double begin = seconds_now();
    work(slots, cycles, count, seed);
    double seconds = seconds_now() - begin;
    for (uint64_t i = 0; i < count; i++)
        free((void *)slots[i]);
    free(slots);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%.2f M ops/s, peak RSS %ld KiB\n", (double)cycles / seconds / 1e6, usage.ru_maxrss);
    return 0;
}

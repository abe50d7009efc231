/* SPDX-License-Identifier: MIT */
/*
 * Owns what unit tests share: CHECK and random numbers. They link the inner layers and run on
 * libc's malloc; there is no libhakmem in the process.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include "os/os_seal.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond);                     \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* As the start of the process does it: tests set knobs and the like by themselves. */
__attribute__((constructor)) static void unit_open(void) {
    CHECK(hak_os_seal_open());
}

/* xorshift64*: the same numbers for the same seed, everywhere. */
__attribute__((unused)) static uint64_t unit_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DULL;
}

/* SEED= of the environment, printed so that a failure can be run again. */
__attribute__((unused)) static uint64_t unit_seed(void) {
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 42;
    printf("SEED=%llu\n", (unsigned long long)seed);
    return seed ? seed : 1;
}

#endif

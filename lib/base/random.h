/* SPDX-License-Identifier: MIT */
/*
 * Owns SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA
 * 2014). Anybody may include it; a state belongs to who keeps it, and is under no lock of ours.
 * No secret is safe in it: one number gives the state away.
 */
#ifndef HAK_BASE_RANDOM_H
#define HAK_BASE_RANDOM_H

#include "base/compiler.h"

#define HAK_GOLDEN_RATIO 0x9E3779B97F4A7C15u /* 2^64 / phi; odd */

/* The finaliser, a bijection: every bit of x moves every other. */
HAK_INLINE uint64_t hak_random_mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

HAK_INLINE uint64_t hak_random_next(uint64_t *state) {
    *state += HAK_GOLDEN_RATIO;
    return hak_random_mix(*state);
}

#endif

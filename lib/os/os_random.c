/* SPDX-License-Identifier: MIT */
/*
 * Owns the mixing of the kernel's random bytes. Stateless. AT_RANDOM also feeds libc's stack and
 * pointer guards: the bytes are hashed together, so that neither secret gives the other away.
 */
#include "os/os_random.h"

#include <string.h>
#include <sys/auxv.h>

/* Finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): every input bit moves every other. */
static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t hak_os_random(uint64_t salt) {
    uint64_t words[2] = {(uintptr_t)&words, (uintptr_t)&hak_os_random};
    const void *bytes = (const void *)getauxval(AT_RANDOM);
    if (bytes)
        memcpy(words, bytes, sizeof words);
    return mix(mix(words[0] + salt) ^ (words[1] * 0x9e3779b97f4a7c15u));
}

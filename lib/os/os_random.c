/* SPDX-License-Identifier: MIT */
/*
 * Owns the mixing of the kernel's random bytes. Stateless. AT_RANDOM also feeds libc's stack and
 * pointer guards: the bytes are hashed together, so that neither secret gives the other away.
 */
#include "os/os_random.h"

#include "base/random.h"

#include <string.h>
#include <sys/auxv.h>

uint64_t hak_os_random(uint64_t salt) {
    uint64_t words[2] = {(uintptr_t)&words, (uintptr_t)&hak_os_random};
    const void *bytes = (const void *)getauxval(AT_RANDOM);
    if (bytes)
        memcpy(words, bytes, sizeof words);
    return hak_random_mix(hak_random_mix(words[0] + salt) ^ words[1] * HAK_GOLDEN_RATIO);
}

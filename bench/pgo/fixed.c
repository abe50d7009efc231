// SPDX-License-Identifier: MIT
// Owns the clock and the secret of the training programs of --enable-pgo, which are linked with
// --wrap: the same work has the same counts at any time, so that two builds have the same bits.
#include <stdint.h>

uint64_t __wrap_hak_os_now_ms(void);
uint64_t __wrap_hak_os_random(uint64_t salt);

/* A thousand looks at the clock are a millisecond. Training has one thread. */
uint64_t __wrap_hak_os_now_ms(void) {
    static uint64_t looks;
    return ++looks / 1000;
}

uint64_t __wrap_hak_os_random(uint64_t salt) {
    return salt * 0x9e3779b97f4a7c15U;
}

/* SPDX-License-Identifier: MIT */
/*
 * Sets the switches of hardening from the knobs, at the start of the process.
 */
#include "core/hardened.h"

#include "base/wipe.h"
#include "conf/conf.h"
#include "os/os_random.h"

#define HAK_PLAIN_BYTES (HAK_CLASS_MAX_BYTES - HAK_TRAILER_BYTES)

/* Odd: a changed low bit changes all above, and the inverse undoes it. They are used out of memory:
 * constants of 64 bits would take an instruction and a register more. */
#define HAK_TRAILER_FACTOR 0x9E3779B97F4A7C15u
#define HAK_TRAILER_INVERSE 0xF1DE83E19937733Du

struct hak_hardened hak_hardened;

void hak_hardened_start(void) {
    hak_hardened = (struct hak_hardened){
        .has_canary = hak_conf.canary != 0,
        .zeroes = hak_conf.zero_on_free != 0,
        .shuffles = hak_conf.random_order != 0,
        .guards = hak_conf.guard_pages != 0,
        .checks_delete = hak_conf.check_delete != 0,
        .quarantine_bytes = hak_conf.quarantine,
        .quarantine_most_bytes = hak_conf.quarantine + hak_conf.quarantine / 8,
        .quarantine_ms = hak_conf.quarantine_ms,
        .secret = hak_os_random(0x63616e617279),
        .factor = HAK_TRAILER_FACTOR,
        .inverse = HAK_TRAILER_INVERSE,
    };
    hak_hardened.is_on = hak_hardened.has_canary || hak_hardened.zeroes || hak_hardened.shuffles ||
                         hak_hardened.guards || hak_hardened.checks_delete ||
                         hak_hardened.quarantine_bytes;
    if (!hak_hardened.is_on)
        return;
    for (unsigned i = 0; i < sizeof hak_hardened.class_of; i++)
        hak_hardened.class_of[i] = (uint8_t)hak_hardened_class_of((size_t)i * 16);
    hak_hardened.plain_bytes = HAK_PLAIN_BYTES;
    hak_hardened.is_whole = hak_hardened.has_canary && hak_hardened.zeroes &&
                            hak_hardened.shuffles && hak_hardened.quarantine_bytes;
    for (unsigned size_class = 0; size_class < HAK_CLASS_COUNT; size_class++) {
        size_t bytes = hak_size_class_bytes[size_class];
        bool is_short =
            hak_hardened.is_whole && size_class != HAK_CLASS_NONE && bytes <= HAK_WIPE_BLOCK_BYTES;
        hak_hardened.last_start[size_class] = is_short ? (int32_t)(HAK_SLAB_BYTES - bytes) : -1;
    }
}

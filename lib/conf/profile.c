/* SPDX-License-Identifier: MIT */
/*
 * Owns what HAKMEM_PROFILE means: which knobs it sets, and to what. Called once by hak_conf_read.
 */
#include "conf/conf.h"

#include "base/bits.h"

#define KNOB_INDEX(name) (offsetof(struct hak_conf, name) / sizeof(uint64_t))

static const struct {
    unsigned index;
    unsigned value;
} hardened[] = {
    {KNOB_INDEX(canary), 1},
    {KNOB_INDEX(zero_on_free), 1},
    {KNOB_INDEX(random_order), 1},
    {KNOB_INDEX(quarantine), HAK_KIB(64)},
    {KNOB_INDEX(quarantine_ms), 10000},
    {KNOB_INDEX(guard_pages), 1},
    {KNOB_INDEX(check_delete), 1},
};

void hak_conf_apply_profile(void) {
    if (!hak_conf.profile)
        return;
    for (size_t i = 0; i < sizeof hardened / sizeof hardened[0]; i++)
        if (!hak_conf_is_set(hardened[i].index))
            ((uint64_t *)&hak_conf)[hardened[i].index] = hardened[i].value;
}

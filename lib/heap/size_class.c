/* SPDX-License-Identifier: MIT */
/*
 * Owns the one table of size classes; constant, so any thread may read it. Invariant: strictly
 * increasing multiples of 16, and hak_class_of() finds the smallest class that holds a request.
 */
#include "heap/size_class.h"

#define HAK_DOUBLING(base)                                                                         \
    (base) + (base) / 8, (base) + 2 * (base) / 8, (base) + 3 * (base) / 8,                         \
        (base) + 4 * (base) / 8, (base) + 5 * (base) / 8, (base) + 6 * (base) / 8,                 \
        (base) + 7 * (base) / 8, 2 * (base)

const uint32_t hak_class_bytes[HAK_CLASS_COUNT] = {
    0,
    16,
    32,
    48,
    64,
    80,
    96,
    112,
    128,
    HAK_DOUBLING(128u),
    HAK_DOUBLING(256u),
    HAK_DOUBLING(512u),
    HAK_DOUBLING(1024u),
    HAK_DOUBLING(2048u),
    HAK_DOUBLING(4096u),
    HAK_DOUBLING(8192u),
    HAK_DOUBLING(16384u),
    HAK_DOUBLING(32768u),
};

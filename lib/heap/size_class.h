/* SPDX-License-Identifier: MIT */
/*
 * Owns the size classes: 16 to 128 bytes in steps of 16, then eight steps a doubling up to 64 KiB,
 * so a block wastes at most 1/9 of itself above 128 bytes. Class 0 is no class: it marks slabs
 * that a heap doesn't own. Pure and constant; anybody may call.
 */
#ifndef HAK_HEAP_SIZE_CLASS_H
#define HAK_HEAP_SIZE_CLASS_H

#include "base/bits.h"

#define HAK_CLASS_NONE 0u
#define HAK_CLASS_COUNT 81u             /* class 0 and 80 real ones */
#define HAK_CLASS_MAX_BYTES HAK_KIB(64) /* one slab; above it a request is large */
#define HAK_DIRECT_MAX_BYTES 2048u      /* the fast path looks these up in a byte table */

extern const uint32_t hak_class_bytes[HAK_CLASS_COUNT];

/* The class of a request of 0 to HAK_CLASS_MAX_BYTES bytes. */
HAK_INLINE unsigned hak_class_of(size_t bytes) {
    if (bytes <= 128)
        return bytes ? (unsigned)(bytes + 15) >> 4 : 1;
    unsigned doubling = hak_log2_floor(bytes - 1); /* bytes is in (2^doubling, 2^(doubling+1)] */
    unsigned step = (unsigned)((bytes - 1) >> (doubling - 3)) & 7;
    return 9 + (doubling - 7) * 8 + step;
}

/*
 * Which block of its slab starts at an offset below 2^16, if any, by one multiplication: with
 * magic = 2^32 / bytes, rounded up, the rest of offset * magic modulo 2^32 is i * step for the
 * start of block i, where step = bytes * magic - 2^32, and more than all of those elsewhere (after
 * Lemire, Kaser, Kurz, "Faster remainder by direct computation", 2019, section 3.2, with 32
 * fractional bits). Steps are made HAK_STEP_LEAST at least, by magic numbers a little larger.
 */
#define HAK_STEP_LEAST 512u
extern const uint32_t hak_class_magics[HAK_CLASS_COUNT];

HAK_INLINE uint32_t hak_class_magic(unsigned class) {
    return hak_class_magics[class];
}

HAK_INLINE uint32_t hak_class_rest(unsigned class, uintptr_t address) {
    return (uint16_t)address * hak_class_magics[class];
}

/*
 * What the rests of a slab's first `count` blocks are less than, and no other rest; 0 for no block.
 * Its low byte is the class: a step has room for that.
 */
HAK_INLINE uint32_t hak_class_bound(unsigned class, unsigned count) {
    uint32_t step = hak_class_magics[class] * hak_class_bytes[class];
    return count ? (((count - 1) * step | 255) + 1) | class : 0;
}

#endif

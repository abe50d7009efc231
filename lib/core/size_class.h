/* SPDX-License-Identifier: MIT */
/*
 * Owns the size classes: 16 to 128 bytes in steps of 16, then eight a doubling up to 64 KiB, so
 * that a block wastes at most 1/8 of itself above 128 bytes. Steps are even but from 4 to 8 KiB,
 * where they follow from how many blocks fill a slab: 15 of 4,368 bytes, which is what a page of
 * 4 KiB with its header often needs. Class 0 is no class: it marks slabs that a heap doesn't own.
 * Pure and constant; anybody may call.
 */
#ifndef HAK_CORE_SIZE_CLASS_H
#define HAK_CORE_SIZE_CLASS_H

#include "base/bits.h"

#define HAK_CLASS_NONE 0u
#define HAK_CLASS_COUNT 81u             /* class 0 and 80 real ones */
#define HAK_CLASS_MAX_BYTES HAK_KIB(64) /* one slab; above it a request is large */
#define HAK_DIRECT_MAX_BYTES 2048u      /* the fast path looks these up in a byte table */
#define HAK_UNEVEN_DOUBLING 12u
#define HAK_UNEVEN_BYTES HAK_KIB(4) /* to twice as much */

extern const uint32_t hak_size_class_bytes[HAK_CLASS_COUNT];

/* The class of a request of 0 to HAK_CLASS_MAX_BYTES bytes. */
HAK_INLINE unsigned hak_size_class_of(size_t bytes) {
    if (bytes <= 128)
        return bytes ? (unsigned)(bytes + 15) >> 4 : 1;
    unsigned doubling = hak_log2_floor(bytes - 1); /* bytes is in (2^doubling, 2^(doubling+1)] */
    unsigned step = (unsigned)((bytes - 1) >> (doubling - 3)) & 7;
    unsigned size_class = 9 + (doubling - 7) * 8 + step;
    if (doubling == HAK_UNEVEN_DOUBLING) { /* none of it is above its even step, or two below */
        size_class += bytes > hak_size_class_bytes[size_class];
        size_class += bytes > hak_size_class_bytes[size_class];
    }
    return size_class;
}

/* The least size that a block of `bytes` must have so that it lies at multiples of `alignment`, a
 * power of two, as those of its class do: even steps are powers of two. */
HAK_INLINE size_t hak_size_class_aligned_bytes(size_t bytes, size_t alignment) {
    bytes = hak_round_up(bytes, alignment);
    if (HAK_LIKELY(bytes - 1 < HAK_UNEVEN_BYTES || bytes > 2 * HAK_UNEVEN_BYTES))
        return bytes;
    unsigned size_class = hak_size_class_of(bytes);
    while (hak_size_class_bytes[size_class] % alignment)
        size_class++;
    return hak_size_class_bytes[size_class];
}

/*
 * Which block of its slab starts at an offset below 2^16, if any, by one multiplication: with
 * magic = 2^32 / bytes, rounded up, the rest of offset * magic modulo 2^32 is i * step for the
 * start of block i, where step = bytes * magic - 2^32, and more than all of those elsewhere (after
 * Lemire, Kaser, Kurz, "Faster remainder by direct computation", 2019, section 3.2, with 32
 * fractional bits). Steps are made HAK_STEP_LEAST at least, by magic numbers a little larger.
 */
#define HAK_STEP_LEAST 512u
extern const uint32_t hak_size_class_magics[HAK_CLASS_COUNT];

HAK_INLINE uint32_t hak_size_class_rest(unsigned size_class, uintptr_t address) {
    return (uint16_t)address * hak_size_class_magics[size_class];
}

/*
 * What the rests of a slab's first `count` blocks are less than, and no other rest; 0 for no block.
 * Its low byte is the class: a step has room for that.
 */
HAK_INLINE uint32_t hak_size_class_bound(unsigned size_class, unsigned count) {
    uint32_t step = hak_size_class_magics[size_class] * hak_size_class_bytes[size_class];
    return count ? (((count - 1) * step | 255) + 1) | size_class : 0;
}

#endif

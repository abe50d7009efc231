/* SPDX-License-Identifier: MIT */
/*
 * Owns integer tricks: rounding, powers of two, saturating differences. Pure; anybody may
 * include it.
 */
#ifndef HAK_BASE_BITS_H
#define HAK_BASE_BITS_H

#include "base/compiler.h"

#define HAK_KIB(n) ((size_t)(n) << 10)
#define HAK_MIB(n) ((size_t)(n) << 20)
#define HAK_GIB(n) ((size_t)(n) << 30)

/* Where the lowest byte of a 32-bit word lies. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HAK_LOW_BYTE_OF_32 0
#else
#define HAK_LOW_BYTE_OF_32 3
#endif

HAK_INLINE bool hak_is_power_of_two(size_t x) {
    return x != 0 && (x & (x - 1)) == 0;
}

/* `alignment` is a power of two; wraps to 0 at the end of the address space. */
HAK_INLINE size_t hak_round_up(size_t x, size_t alignment) {
    return (x + alignment - 1) & ~(alignment - 1);
}

HAK_INLINE size_t hak_round_down(size_t x, size_t alignment) {
    return x & ~(alignment - 1);
}

HAK_INLINE unsigned hak_log2_floor(size_t x) {
    return 63u - (unsigned)__builtin_clzll((unsigned long long)x);
}

HAK_INLINE size_t hak_min(size_t a, size_t b) {
    return a < b ? a : b;
}

HAK_INLINE size_t hak_max(size_t a, size_t b) {
    return a > b ? a : b;
}

/* What of `a` is above `b`; 0: nothing. */
HAK_INLINE size_t hak_excess(size_t a, size_t b) {
    return a > b ? a - b : 0;
}

/* ++*counter == 0, as one read-modify-write instruction where there is one. */
HAK_INLINE bool hak_increment_is_zero(int64_t *counter) {
#if defined(__x86_64__)
    bool is_zero;
    __asm__("addq $1, %1" : "=@ccz"(is_zero), "+m"(*counter));
    return is_zero;
#else
    return ++*counter == 0;
#endif
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns what a trailer says: the arithmetic of the last 8 bytes of a hardened block, and of the
 * filler between them and what was asked for. Pure but for the secret; for the hardened code alone.
 *
 * A trailer is (value + mask) * factor: the mask is made of the block's address and the secret, so
 * that no other word decodes to a small value but by a chance of 2^-45. The value is the size asked
 * for, with the kind of allocation above it, or HAK_TRAILER_FREE. A word of 0 says that the memory
 * was never handed out.
 */
#ifndef HAK_HEAP_TRAILER_H
#define HAK_HEAP_TRAILER_H

#include "heap/hardened.h"
#include "heap/wipe.h"

#define HAK_TRAILER_FACTOR 0x9E3779B97F4A7C15u  /* odd: a changed low bit changes all above, */
#define HAK_TRAILER_INVERSE 0xF1DE83E19937733Du /* and this undoes it */
#define HAK_KIND_SHIFT 48u
#define HAK_SIZE_MASK (((uint64_t)1 << HAK_KIND_SHIFT) - 1)
#define HAK_TRAILER_FREE ((uint64_t)7 << HAK_KIND_SHIFT)

HAK_INLINE uint64_t hak_trailer_mask(const void *block) {
    return ((uintptr_t)block ^ hak_hardened.secret) * HAK_TRAILER_FACTOR;
}

HAK_INLINE uint64_t hak_trailer_encode(uint64_t mask, uint64_t value) {
    return (value + mask) * HAK_TRAILER_FACTOR;
}

HAK_INLINE uint64_t hak_trailer_decode(uint64_t mask, uint64_t word) {
    return word * HAK_TRAILER_INVERSE - mask;
}

/* The size or kind part of a value; sizes above what the block holds are spoilt ones. */
HAK_INLINE size_t hak_trailer_bytes(uint64_t value) {
    return value & HAK_SIZE_MASK;
}

HAK_INLINE enum hak_block_kind hak_trailer_kind(uint64_t value) {
    return (enum hak_block_kind)(value >> HAK_KIND_SHIFT);
}

HAK_INLINE bool hak_trailer_is_live(uint64_t value, size_t room_bytes) {
    return value >> HAK_KIND_SHIFT <= HAK_BY_ALIGNED_NEW_ARRAY &&
           hak_trailer_bytes(value) <= room_bytes - HAK_TRAILER_BYTES;
}

/* relaxed everywhere: a neighbour's freer looks at the word, but reads nothing because of it */
HAK_INLINE _Atomic uint64_t *hak_trailer_at(const void *block, size_t room_bytes) {
    return (_Atomic uint64_t *)((uintptr_t)block + room_bytes - HAK_TRAILER_BYTES);
}

HAK_INLINE uint64_t hak_trailer_load(const void *block, size_t room_bytes) {
    return atomic_load_explicit(hak_trailer_at(block, room_bytes), memory_order_relaxed);
}

HAK_INLINE void hak_trailer_store(void *block, size_t room_bytes, uint64_t word) {
    atomic_store_explicit(hak_trailer_at(block, room_bytes), word, memory_order_relaxed);
}

/* No byte of it is one of a text, so that a string that is too long by its end is always noticed.
 */
HAK_INLINE uint64_t hak_filler(uint64_t mask) {
    return mask | 0x8080808080808080u;
}

/* Bits of the word at `bytes / 8` that belong to the program. */
HAK_INLINE unsigned hak_filler_shift(size_t bytes) {
    return (unsigned)(bytes % sizeof(hak_word)) * 8;
}

/* Fills from `bytes` to `end`, a multiple of a word. */
HAK_INLINE void hak_fill(void *block, size_t bytes, size_t end, uint64_t filler) {
    hak_word *word = (hak_word *)((uintptr_t)block + hak_round_down(bytes, sizeof *word));
    hak_word *stop = (hak_word *)((uintptr_t)block + end);
    if (word == stop)
        return;
    unsigned shift = hak_filler_shift(bytes);
    *word = filler << shift | (*word & ~(~(uint64_t)0 << shift));
    while (++word < stop)
        *word = filler;
}

HAK_INLINE bool hak_is_filled(const void *block, size_t bytes, size_t end, uint64_t filler) {
    const hak_word *word = (const hak_word *)((uintptr_t)block + hak_round_down(bytes, 8));
    const hak_word *stop = (const hak_word *)((uintptr_t)block + end);
    if (word == stop)
        return true;
    unsigned shift = hak_filler_shift(bytes);
    uint64_t differs = (*word ^ filler << shift) >> shift;
    while (++word < stop)
        differs |= *word ^ filler;
    return differs == 0;
}

#endif

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
#ifndef HAK_HARDENING_TRAILER_H
#define HAK_HARDENING_TRAILER_H

#include "base/wipe.h"
#include "core/hardened.h"

#define HAK_KIND_SHIFT 48u
#define HAK_SIZE_MASK (((uint64_t)1 << HAK_KIND_SHIFT) - 1)
#define HAK_TRAILER_FREE ((uint64_t)7 << HAK_KIND_SHIFT)

HAK_INLINE uint64_t hak_trailer_mask(const void *block) {
    return ((uintptr_t)block ^ hak_hardened.secret) * hak_hardened.factor;
}

HAK_INLINE uint64_t hak_trailer_encode(uint64_t mask, uint64_t value) {
    return (value + mask) * hak_hardened.factor;
}

HAK_INLINE uint64_t hak_trailer_decode(uint64_t mask, uint64_t word) {
    return word * hak_hardened.inverse - mask;
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
HAK_INLINE uint64_t hak_trailer_filler(uint64_t mask) {
    return mask | 0x8080808080808080u;
}

/*
 * The slack of a block, between what was asked for and the trailer, holds the filler: byte i of it
 * where the address is i modulo 8. Of its end, which is mostly all of it, so many bytes are written
 * and looked at without a loop, under masks; hak_trailer_slack_ones + slack is where those begin.
 */
#define HAK_SLACK_TINY 24u
#define HAK_SLACK_NEAR 72u
#define HAK_SLACK_TINY_ROOM 256u /* blocks up to here have the first number of them */
extern const uint8_t hak_trailer_slack_ones[2 * HAK_SLACK_NEAR];

typedef uint64_t __attribute__((may_alias, aligned(1))) hak_word_anywhere;
typedef uint64_t __attribute__((may_alias, vector_size(16), aligned(1))) hak_words_anywhere;

/* Slack of any length, of a block of which nothing is known. */
void hak_trailer_slack_fill(void *block, size_t room_bytes, size_t bytes, uint64_t filler);
bool hak_trailer_slack_is_filled(const void *block, size_t room_bytes, size_t bytes,
                                 uint64_t filler);

HAK_INLINE bool hak_trailer_slack_is_near(size_t room_bytes, size_t slack) {
    return slack <= (room_bytes <= HAK_SLACK_TINY_ROOM ? HAK_SLACK_TINY : HAK_SLACK_NEAR);
}

HAK_INLINE hak_words hak_trailer_slack_mask(const uint8_t *ones, size_t place) {
    return *(const hak_words_anywhere *)(ones + place);
}

HAK_INLINE uint64_t hak_trailer_slack_word_mask(const uint8_t *ones, size_t place) {
    return *(const hak_word_anywhere *)(ones + place);
}

/* Near slack, of a block that is zero there. */
HAK_INLINE void hak_trailer_slack_fill_zeroed(void *block, size_t room_bytes, size_t slack,
                                              uint64_t filler) {
    const uint8_t *ones = hak_trailer_slack_ones + slack;
    hak_words *end = hak_wipe_words_at(block, room_bytes - 16);
    hak_word *last = (hak_word *)end;
    const hak_words fillers = {filler, filler};
    *last = filler & hak_trailer_slack_word_mask(ones, 64);
    if (room_bytes <= HAK_SLACK_TINY_ROOM) {
        last[-1] = filler & hak_trailer_slack_word_mask(ones, 56);
        last[-2] = filler & hak_trailer_slack_word_mask(ones, 48);
        return;
    }
    end[-1] = fillers & hak_trailer_slack_mask(ones, 48);
    end[-2] = fillers & hak_trailer_slack_mask(ones, 32);
    end[-3] = fillers & hak_trailer_slack_mask(ones, 16);
    end[-4] = fillers & hak_trailer_slack_mask(ones, 0);
}

/* True if the slack is near and nobody wrote into it. */
HAK_INLINE bool hak_trailer_slack_is_near_filled(const void *block, size_t room_bytes, size_t slack,
                                                 uint64_t filler) {
    const uint8_t *ones = hak_trailer_slack_ones + slack;
    const hak_words *end = hak_wipe_words_at(block, room_bytes - 16);
    const hak_word *last = (const hak_word *)end;
    const hak_words fillers = {filler, filler};
    uint64_t differs = 0;
    if (room_bytes <= HAK_SLACK_TINY_ROOM) {
        if (HAK_UNLIKELY(slack > HAK_SLACK_TINY))
            return false;
        differs = (last[0] ^ filler) & hak_trailer_slack_word_mask(ones, 64);
        differs |= (last[-1] ^ filler) & hak_trailer_slack_word_mask(ones, 56);
        differs |= (last[-2] ^ filler) & hak_trailer_slack_word_mask(ones, 48);
        return differs == 0;
    }
    if (HAK_UNLIKELY(slack > HAK_SLACK_NEAR))
        return false;
    differs = (last[0] ^ filler) & hak_trailer_slack_word_mask(ones, 64);
    hak_words one = {differs, 0}, other = (end[-1] ^ fillers) & hak_trailer_slack_mask(ones, 48);
    one |= (end[-2] ^ fillers) & hak_trailer_slack_mask(ones, 32);
    other |= (end[-3] ^ fillers) & hak_trailer_slack_mask(ones, 16);
    one |= (end[-4] ^ fillers) & hak_trailer_slack_mask(ones, 0);
    return hak_wipe_words_are_zero(one, other);
}

#endif

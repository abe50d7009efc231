/* SPDX-License-Identifier: MIT */
/*
 * Owns looking whether memory is zero, and making it so, by 16 bytes at a time; for the hardened
 * code alone. Pure. Addresses and lengths are multiples of 16; a block's last 16 bytes are a word
 * of its own and the trailer, which is not looked at.
 */
#ifndef HAK_HEAP_WIPE_H
#define HAK_HEAP_WIPE_H

#include "base/bits.h"
#include "base/compiler.h"

#define HAK_WIPE_STEP_BYTES 128u
#define HAK_WIPE_TINY_BYTES 64u   /* blocks up to here, */
#define HAK_WIPE_SMALL_BYTES 144u /* and to here, are done without a loop */

/* Memory of which nobody says what was stored there last. */
typedef uint64_t __attribute__((may_alias)) hak_word;
typedef uint64_t __attribute__((may_alias, vector_size(16))) hak_words;

HAK_INLINE hak_words *hak_words_at(const void *block, size_t offset) {
    return (hak_words *)((uintptr_t)block + offset);
}

HAK_INLINE bool hak_words_are_zero(hak_words one, hak_words other) {
    one |= other;
    return (one[0] | one[1]) == 0;
}

/* Adds 64 bytes to what was seen. The compiler would add them up first: more instructions. */
HAK_INLINE void hak_wipe_see(const hak_words *at, hak_words *one, hak_words *other) {
    *one |= at[0];
    HAK_FORGET_WORDS(*one);
    *other |= at[1];
    HAK_FORGET_WORDS(*other);
    *one |= at[2];
    HAK_FORGET_WORDS(*one);
    *other |= at[3];
    HAK_FORGET_WORDS(*other);
}

/* 128 bytes and more. */
HAK_INLINE bool hak_is_zero(const void *start, size_t bytes, hak_words seen) {
    hak_words other = {0, 0}, third = {0, 0}, fourth = {0, 0};
    const hak_words *at = start;
    const hak_words *last = hak_words_at(start, bytes - HAK_WIPE_STEP_BYTES);
    for (; at < last; at += HAK_WIPE_STEP_BYTES / sizeof *at) {
        hak_wipe_see(at, &seen, &other);
        hak_wipe_see(at + 4, &third, &fourth);
    }
    hak_wipe_see(last, &seen, &other);
    hak_wipe_see(last + 4, &third, &fourth);
    return hak_words_are_zero(seen | third, other | fourth);
}

/* True if nothing is in a free block whose links have been cleared. */
HAK_INLINE bool hak_is_block_zero(const void *block, size_t room_bytes) {
    const hak_words *end = hak_words_at(block, room_bytes - 16);
    hak_words seen = {*(const hak_word *)end, 0};
    if (room_bytes <= HAK_WIPE_TINY_BYTES)
        return hak_words_are_zero(seen | end[-1],
                                  *hak_words_at(block, hak_min(16, room_bytes - 32)));
    if (room_bytes > HAK_WIPE_SMALL_BYTES)
        return hak_is_zero(hak_words_at(block, 16), room_bytes - 32, seen);
    const hak_words *at = block;
    seen |= at[1];
    hak_words other = at[2] | end[-1];
    HAK_FORGET_WORDS(other);
    seen |= at[3] | end[-2];
    other |= end[-3] | end[-4];
    return hak_words_are_zero(seen, other);
}

/* Clears a block of up to HAK_WIPE_SMALL_BYTES up to its trailer. */
HAK_INLINE void hak_wipe_small(void *block, size_t room_bytes) {
    const hak_words zero = {0, 0};
    hak_words *at = block, *end = hak_words_at(block, room_bytes - 16);
    *(hak_word *)end = 0;
    at[0] = zero;
    end[-1] = zero;
    if (room_bytes <= HAK_WIPE_TINY_BYTES) {
        *hak_words_at(block, hak_min(16, room_bytes - 32)) = zero;
        return;
    }
    at[1] = at[2] = at[3] = zero;
    end[-2] = end[-3] = end[-4] = zero;
}

/* Clears memory; of pages that are zero nothing is written, so that they needn't be resident. */
void hak_wipe(void *start, size_t bytes);

/* Clears a block up to its trailer. */
HAK_INLINE void hak_wipe_block(void *block, size_t room_bytes) {
    if (room_bytes <= HAK_WIPE_SMALL_BYTES) {
        hak_wipe_small(block, room_bytes);
        return;
    }
    *(hak_word *)hak_words_at(block, room_bytes - 16) = 0;
    hak_wipe(block, room_bytes - 16);
}

#endif

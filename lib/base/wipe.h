/* SPDX-License-Identifier: MIT */
/*
 * Owns looking whether memory is zero, and making it so, by 16 bytes at a time; for the hardened
 * code alone. Pure. Addresses and lengths are multiples of 16; a block's last 16 bytes are a word
 * of its own and the trailer, which is not looked at.
 */
#ifndef HAK_BASE_WIPE_H
#define HAK_BASE_WIPE_H

#include "base/bits.h"
#include "base/compiler.h"

#define HAK_WIPE_STEP_BYTES 128u
#define HAK_WIPE_BLOCK_BYTES 1040u

/* Memory of which nobody says what was stored there last. */
typedef uint64_t __attribute__((may_alias)) hak_word;
typedef uint64_t __attribute__((may_alias, vector_size(16))) hak_words;

HAK_INLINE hak_words *hak_wipe_words_at(const void *block, size_t offset) {
    return (hak_words *)((uintptr_t)block + offset);
}

HAK_INLINE bool hak_wipe_words_are_zero(hak_words one, hak_words other) {
    one |= other;
    return (one[0] | one[1]) == 0;
}

/* What was seen so far, or-ed: two sums, so that two additions go on at a time. */
struct hak_seen {
    hak_words one, other;
};

HAK_INLINE bool hak_wipe_seen_is_zero(const struct hak_seen *seen) {
    return hak_wipe_words_are_zero(seen->one, seen->other);
}

/* Adds 64 bytes. The compiler would add them up first: more instructions. */
HAK_INLINE void hak_wipe_see_64(struct hak_seen *seen, const hak_words *at) {
    seen->one |= at[0];
    HAK_FORGET_WORDS(seen->one);
    seen->other |= at[1];
    HAK_FORGET_WORDS(seen->other);
    seen->one |= at[2];
    HAK_FORGET_WORDS(seen->one);
    seen->other |= at[3];
    HAK_FORGET_WORDS(seen->other);
}

HAK_INLINE void hak_wipe_see_128(struct hak_seen *seen, const hak_words *at) {
    hak_wipe_see_64(seen, at);
    hak_wipe_see_64(seen, at + 4);
}

HAK_INLINE void hak_wipe_see_256(struct hak_seen *seen, const hak_words *at) {
    hak_wipe_see_128(seen, at);
    hak_wipe_see_128(seen, at + 8);
}

HAK_INLINE void hak_wipe_see_512(struct hak_seen *seen, const hak_words *at) {
    hak_wipe_see_256(seen, at);
    hak_wipe_see_256(seen, at + 16);
}

/* 128 bytes and more. */
HAK_INLINE bool hak_wipe_is_zero(const void *start, size_t bytes) {
    struct hak_seen seen = {{0, 0}, {0, 0}}, more = seen;
    const hak_words *at = start;
    const hak_words *last = hak_wipe_words_at(start, bytes - HAK_WIPE_STEP_BYTES);
    for (; at < last; at += HAK_WIPE_STEP_BYTES / sizeof *at) {
        hak_wipe_see_64(&seen, at);
        hak_wipe_see_64(&more, at + 4);
    }
    hak_wipe_see_64(&seen, last);
    hak_wipe_see_64(&more, last + 4);
    return hak_wipe_words_are_zero(seen.one | more.one, seen.other | more.other);
}

/*
 * True if nothing is in a free block whose links have been cleared. By the doubling in which its
 * length is, from both ends, where the parts overlap: no loop, whose length nobody could predict.
 */
HAK_INLINE bool hak_wipe_is_block_zero(const void *block, size_t room_bytes) {
    const hak_words *at = block, *end = hak_wipe_words_at(block, room_bytes - 16);
    struct hak_seen seen = {{*(const hak_word *)end, 0}, end[-1]};
    if (room_bytes <= 64) {
        seen.one |= *hak_wipe_words_at(block, hak_min(16, room_bytes - 32));
    } else if (room_bytes <= 144) {
        seen.one |= at[1] | end[-2];
        seen.other |= at[2] | end[-3];
        seen.one |= at[3] | end[-4];
    } else if (room_bytes <= 272) {
        hak_wipe_see_128(&seen, at + 1);
        hak_wipe_see_128(&seen, end - 8);
    } else if (room_bytes <= 528) {
        hak_wipe_see_256(&seen, at + 1);
        hak_wipe_see_256(&seen, end - 16);
    } else if (room_bytes <= 1040) {
        hak_wipe_see_512(&seen, at + 1);
        hak_wipe_see_512(&seen, end - 32);
    } else {
        return hak_wipe_is_zero(at + 1, room_bytes - 32) && hak_wipe_seen_is_zero(&seen);
    }
    return hak_wipe_seen_is_zero(&seen);
}

HAK_INLINE void hak_wipe_clear_64(hak_words *at) {
    at[0] = at[1] = at[2] = at[3] = (hak_words){0, 0};
}

HAK_INLINE void hak_wipe_clear_128(hak_words *at) {
    hak_wipe_clear_64(at);
    hak_wipe_clear_64(at + 4);
}

HAK_INLINE void hak_wipe_clear_256(hak_words *at) {
    hak_wipe_clear_128(at);
    hak_wipe_clear_128(at + 8);
}

HAK_INLINE void hak_wipe_clear_512(hak_words *at) {
    hak_wipe_clear_256(at);
    hak_wipe_clear_256(at + 16);
}

/* Clears memory; of pages that are zero nothing is written, so that they needn't be resident. */
void hak_wipe(void *start, size_t bytes);

/* Clears a block of up to HAK_WIPE_BLOCK_BYTES up to its trailer; in the same way. */
HAK_INLINE void hak_wipe_block(void *block, size_t room_bytes) {
    hak_words *at = block, *end = hak_wipe_words_at(block, room_bytes - 16);
    *(hak_word *)end = 0;
    if (room_bytes <= 64) {
        at[0] = end[-1] = *hak_wipe_words_at(block, hak_min(16, room_bytes - 32)) =
            (hak_words){0, 0};
    } else if (room_bytes <= 144) {
        hak_wipe_clear_64(at);
        hak_wipe_clear_64(end - 4);
    } else if (room_bytes <= 272) {
        hak_wipe_clear_128(at);
        hak_wipe_clear_128(end - 8);
    } else if (room_bytes <= 528) {
        hak_wipe_clear_256(at);
        hak_wipe_clear_256(end - 16);
    } else {
        hak_wipe_clear_512(at);
        hak_wipe_clear_512(end - 32);
    }
}

#endif

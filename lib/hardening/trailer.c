/* SPDX-License-Identifier: MIT */
/*
 * Owns the slack of blocks, however long it is: of aligned blocks, of those that realloc left where
 * they are, of large ones. Pure.
 */
#include "hardening/trailer.h"

#define HAK_24_ONES                                                                                \
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, \
        255, 255, 255, 255, 255

const uint8_t hak_trailer_slack_ones[2 * HAK_SLACK_NEAR] = {
    [HAK_SLACK_NEAR] = HAK_24_ONES, HAK_24_ONES, HAK_24_ONES};

/* Of the 16 bytes at `at`, those from `start` on, which is among them or right behind. */
static hak_words mask_from(const hak_words *at, uintptr_t start) {
    return hak_trailer_slack_mask(hak_trailer_slack_ones, HAK_SLACK_NEAR - (start - (uintptr_t)at));
}

static uint64_t word_mask_from(const hak_word *at, uintptr_t start) {
    size_t lead = hak_excess(start, (uintptr_t)at);
    return *(const hak_word_anywhere *)(hak_trailer_slack_ones + HAK_SLACK_NEAR - lead);
}

void hak_trailer_slack_fill(void *block, size_t room_bytes, size_t bytes, uint64_t filler) {
    const hak_words fillers = {filler, filler};
    uintptr_t start = (uintptr_t)block + bytes;
    hak_words *at = hak_wipe_words_at(block, room_bytes - 16);
    hak_word *last = (hak_word *)at;
    if (start >= (uintptr_t)at + sizeof *last)
        return;
    *last ^= (*last ^ filler) & word_mask_from(last, start);
    for (; (uintptr_t)at >= start + 4 * sizeof *at; at -= 4)
        at[-1] = at[-2] = at[-3] = at[-4] = fillers;
    while ((uintptr_t)at >= start + sizeof *at)
        *--at = fillers;
    if ((uintptr_t)at-- > start)
        *at ^= (*at ^ fillers) & mask_from(at, start);
}

bool hak_trailer_slack_is_filled(const void *block, size_t room_bytes, size_t bytes,
                                 uint64_t filler) {
    const hak_words fillers = {filler, filler};
    uintptr_t start = (uintptr_t)block + bytes;
    const hak_words *at = hak_wipe_words_at(block, room_bytes - 16);
    const hak_word *last = (const hak_word *)at;
    if (start >= (uintptr_t)at + sizeof *last)
        return true;
    hak_words differs = {(*last ^ filler) & word_mask_from(last, start), 0};
    for (; (uintptr_t)at >= start + 4 * sizeof *at; at -= 4)
        differs |=
            (at[-1] ^ fillers) | (at[-2] ^ fillers) | (at[-3] ^ fillers) | (at[-4] ^ fillers);
    while ((uintptr_t)at >= start + sizeof *at)
        differs |= *--at ^ fillers;
    if ((uintptr_t)at-- > start)
        differs |= (*at ^ fillers) & mask_from(at, start);
    return (differs[0] | differs[1]) == 0;
}

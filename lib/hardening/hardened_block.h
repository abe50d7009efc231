/* SPDX-License-Identifier: MIT */
/*
 * What hardening does with the memory of a block between malloc and free: opening it, checking it,
 * and the trailer that tells of it.
 *
 *   block of a size class:  what was asked for | filled slack | trailer, 8 bytes
 *
 * The trailer (hardening/trailer.h) holds the size asked for and the kind of allocation, or says
 * that the block is free: then the rest of it but its links is zero, and malloc looks whether it
 * still is. A large block has the trailer at the end of its last page. A block's trailer is written
 * by whoever holds the block and, as one word, read by whoever frees the block behind it.
 * Invariant: the trailer of a block that was freed says so, that of a live one says its size; 0:
 * never handed out.
 */
#ifndef HAK_HARDENING_HARDENED_BLOCK_H
#define HAK_HARDENING_HARDENED_BLOCK_H

#include "hardening/trailer.h"
#include "slabs/slab.h"

/* Ends the process: somebody wrote into a free block. */
__attribute__((noreturn)) HAK_COLD void
hak_hardened_block_report_write(const struct hak_block *block);

/* The size that was asked for, of a live block; a fatal report if its trailer is spoilt. */
size_t hak_hardened_block_bytes(const struct hak_slab *slab, const void *block);

/* Makes a live block of a size class `bytes` long where it lies. False: it hasn't the room, or
 * would waste it. */
bool hak_hardened_block_resize(struct hak_slab *slab, void *block, size_t bytes);

/* Writes the trailer of a large block that is `bytes` long; checks it, before the block goes. */
void hak_hardened_block_seal_large(struct hak_slab *slab, size_t bytes);
void hak_hardened_block_check_large(const struct hak_slab *slab);

/* What operator new made becomes of another kind, if it is of the first; not ours: nothing. */
void hak_hardened_block_mark(void *block, enum hak_block_kind from, enum hak_block_kind to);

/* The same on the way back: a block of a third kind is a fatal report. An array form leaves what
 * the program's own operator new took from malloc to the program's operator delete. */
void hak_hardened_block_unmark(void *block, enum hak_block_kind from, enum hak_block_kind to);

/* A fatal report unless `bytes` were asked for; not ours: nothing. */
void hak_hardened_block_check_size(const void *block, size_t bytes);

/* Nothing is in it, or it is told of. A block that was never handed out is left alone: looking
 * would touch all its pages. */
HAK_INLINE bool hak_hardened_block_is_wiped(const void *block, size_t room_bytes) {
    return hak_hardened.zeroes && hak_trailer_load(block, room_bytes) != 0;
}

/* What hak_hardened_block_open does where it is more than a few steps. */
HAK_SLOW void *hak_hardened_block_open_unusual(struct hak_block *block, size_t room_bytes,
                                               size_t bytes);

/* Makes a free block a live one that is `bytes` long; a fatal report if it was written to. */
HAK_INLINE void *hak_hardened_block_open(struct hak_block *block, size_t room_bytes, size_t bytes) {
    uint64_t mask = hak_trailer_mask(block);
    size_t slack = room_bytes - HAK_TRAILER_BYTES - bytes;
    if (HAK_UNLIKELY(!hak_hardened.is_whole ||
                     hak_trailer_load(block, room_bytes) !=
                         hak_trailer_encode(mask, HAK_TRAILER_FREE) ||
                     !hak_trailer_slack_is_near(room_bytes, slack)))
        return hak_hardened_block_open_unusual(block, room_bytes, bytes);
    *(hak_words *)block = (hak_words){0, 0}; /* its links */
    if (HAK_UNLIKELY(!hak_wipe_is_block_zero(block, room_bytes)))
        hak_hardened_block_report_write(block);
    hak_trailer_store(block, room_bytes, hak_trailer_encode(mask, bytes));
    hak_trailer_slack_fill_zeroed(block, room_bytes, slack, hak_trailer_filler(mask));
    return block;
}

/* Nothing was written in front of the block, into its neighbour's trailer. */
HAK_INLINE bool hak_hardened_block_is_front_sound(const void *block, size_t room_bytes) {
    if ((uint16_t)(uintptr_t)block < room_bytes) /* the first */
        return true;
    const char *before = (const char *)block - room_bytes;
    uint64_t word = hak_trailer_load(before, room_bytes);
    uint64_t value = hak_trailer_decode(hak_trailer_mask(before), word);
    return (value & ~HAK_TRAILER_FREE) <= room_bytes - HAK_TRAILER_BYTES || word == 0;
}

/* A live block that malloc made, with nothing written behind its end. */
HAK_INLINE bool hak_hardened_block_is_sound(const void *block, size_t room_bytes, uint64_t mask) {
    uint64_t value = hak_trailer_decode(mask, hak_trailer_load(block, room_bytes));
    size_t slack = room_bytes - HAK_TRAILER_BYTES - value;
    return HAK_LIKELY(value <= room_bytes - HAK_TRAILER_BYTES) &&
           (!hak_hardened.has_canary ||
            hak_trailer_slack_is_near_filled(block, room_bytes, slack, hak_trailer_filler(mask)) ||
            hak_trailer_slack_is_filled(block, room_bytes, value, hak_trailer_filler(mask)));
}

/* Ends the process, and says why the block is none that free() may take. */
__attribute__((noreturn)) HAK_COLD void
hak_hardened_block_report_unsound(const struct hak_slab *slab, const void *block);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns what the hardened profile does with a block between malloc and free. With one of its knobs
 * set, heaps never show the fast paths a size class (neither class_of nor slab_class has one), so
 * that every call comes to the slow twins, and those come here; without, nothing differs.
 *
 *   block of a size class:  what was asked for | filled slack | trailer, 8 bytes
 *
 * The trailer (heap/trailer.h) holds the size asked for and the kind of allocation, or says that
 * the block is free: then the rest of it but its links is zero, and malloc looks whether it still
 * is. A large block has the trailer at the end of its last page.
 */
#ifndef HAK_HEAP_HARDENED_H
#define HAK_HEAP_HARDENED_H

#include "heap/heap.h"

#define HAK_TRAILER_BYTES 8u

/* What a block must be freed with; the values are in trailers. */
enum hak_block_kind {
    HAK_BY_MALLOC = 0,
    HAK_BY_NEW,
    HAK_BY_NEW_ARRAY,
    HAK_BY_ALIGNED_NEW,
    HAK_BY_ALIGNED_NEW_ARRAY
};

/* Set once, at the start of the process. */
struct hak_hardened {
    bool is_on; /* one of the knobs that concern blocks is set */
    bool has_canary;
    bool zeroes;
    bool shuffles;
    bool guards;
    bool checks_delete;
    bool is_whole;                /* all that concerns blocks of a size class */
    uint16_t plain_bytes;         /* most that is asked of a size class; 0: not on */
    size_t quarantine_bytes;      /* of each thread: that many wait, */
    size_t quarantine_most_bytes; /* and never more than these */
    uint64_t quarantine_ms;       /* 0: no bound */
    uint64_t secret;
    uint64_t factor, inverse;            /* see heap/trailer.h */
    int32_t last_start[HAK_CLASS_COUNT]; /* by class: where a block begins in a slab at most */
    uint8_t class_of[HAK_DIRECT_MAX_BYTES / 16 + 1]; /* by bytes with the trailer, in 16 */
};
extern struct hak_hardened hak_hardened HAK_SEALED;

void hak_hardened_start(void);

/* malloc of 1 to plain_bytes bytes: what is plain, else what hak_alloc_general does. calloc clears
 * no block that it has just found to be zero. */
HAK_SLOW void *hak_hardened_malloc(size_t bytes, struct hak_heap *heap);
HAK_SLOW void *hak_hardened_calloc(size_t bytes, struct hak_heap *heap);

/* A block of up to HAK_CLASS_MAX_BYTES or of more; the heap may be NULL. NULL: no memory. */
void *hak_hardened_alloc(struct hak_heap *heap, size_t bytes, size_t alignment);

/* free in a thread that has a heap: what is plain, else what hak_free_unusual does. */
HAK_SLOW void hak_hardened_free(void *pointer, struct hak_heap *heap);

/* Checks a block that free() was given, wipes it, and lets it wait. The heap may be NULL. */
HAK_SLOW void hak_hardened_free_block(struct hak_heap *heap, struct hak_slab *slab,
                                      struct hak_block *block);

/* Ends the process: somebody wrote into a free block. */
__attribute__((noreturn)) HAK_COLD void hak_hardened_report_write(const struct hak_block *block);

/* The size that was asked for, of a live block; a fatal report if its trailer is spoilt. */
size_t hak_hardened_bytes(const struct hak_slab *slab, const void *block);

/* Makes a live block of a size class `bytes` long where it lies. False: it hasn't the room, or
 * would waste it. */
bool hak_hardened_resize(struct hak_slab *slab, void *block, size_t bytes);

/* Writes the trailer of a large block that is `bytes` long; checks it, before the block goes. */
void hak_hardened_seal_large(struct hak_slab *slab, size_t bytes);
void hak_hardened_check_large(const struct hak_slab *slab);

/* What operator new made becomes of another kind, if it is of the first; not ours: nothing. */
void hak_hardened_mark(void *block, enum hak_block_kind from, enum hak_block_kind to);

/* The same on the way back: a block of a third kind is a fatal report. An array form leaves what
 * the program's own operator new took from malloc to the program's operator delete. */
void hak_hardened_unmark(void *block, enum hak_block_kind from, enum hak_block_kind to);

/* A fatal report unless `bytes` were asked for; not ours: nothing. */
void hak_hardened_check_size(const void *block, size_t bytes);

#endif

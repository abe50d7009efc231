/* SPDX-License-Identifier: MIT */
/*
 * The switches of hardening, and the kinds of allocation that it tells apart. Every layer may look
 * at them; hak_hardened_start sets them once, before the first heap exists. With one of them set,
 * heaps never show the fast paths a size class (neither class_of nor slab_bound has one), so that
 * every call comes to the slow twins, and those hand over to front/hardened_path.h; without,
 * nothing differs.
 */
#ifndef HAK_CORE_HARDENED_H
#define HAK_CORE_HARDENED_H

#include "core/heap.h"

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
    uint64_t factor, inverse;            /* see hardening/trailer.h */
    int32_t last_start[HAK_CLASS_COUNT]; /* by class: where a block begins in a slab at most */
    uint8_t class_of[HAK_DIRECT_MAX_BYTES / 16 + 1]; /* by bytes with the trailer, in 16 */
};
extern struct hak_hardened hak_hardened HAK_SEALED;

void hak_hardened_start(void);

/* The class for so many bytes, the trailer among them: trailer and links of a block are apart. */
#define HAK_HARDENED_LEAST_BYTES (sizeof(struct hak_block) + 1)
HAK_INLINE unsigned hak_hardened_class_of(size_t total_bytes) {
    return hak_size_class_of(hak_max(total_bytes, HAK_HARDENED_LEAST_BYTES));
}

#endif

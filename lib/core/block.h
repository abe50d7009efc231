/* SPDX-License-Identifier: MIT */
/*
 * The free block: its links, and the mark that proves a link. Every list of free blocks is made of
 * these. A list belongs to whoever owns the place where it starts; nothing here takes a lock.
 */
#ifndef HAK_CORE_BLOCK_H
#define HAK_CORE_BLOCK_H

#include "base/compiler.h"

/*
 * A free block. In a bin or a slab's list: mark = next + secret, and the list ends with
 * hak_list_end, whose mark never fits. In an outbox or inbox: mark = (next + secret) ^ address, and
 * the list ends with NULL. The secret's top byte is HAK_MARK_TAG and its next 9 bits are 0, so
 * every mark shows the tag in the block's byte 15: a cheap suspicion of a double free. malloc
 * clears it.
 */
struct hak_block {
    struct hak_block *next;
    uintptr_t mark;
};

#define HAK_MARK_TAG 0xA5u
#define HAK_MARK_TAG_BYTE 15

extern const struct hak_block hak_list_end;
#define HAK_LIST_END ((struct hak_block *)(uintptr_t)&hak_list_end)

/* Every mark needs it; constant once the first heap exists. */
extern uint64_t hak_secret HAK_SEALED;

HAK_INLINE uintptr_t hak_block_mark_local(const struct hak_block *next) {
    return (uintptr_t)next + hak_secret;
}

HAK_INLINE uintptr_t hak_block_mark_remote(const struct hak_block *block,
                                           const struct hak_block *next) {
    return ((uintptr_t)next + hak_secret) ^ (uintptr_t)block;
}

/* Ends the process: the links of `block` were overwritten. */
__attribute__((noreturn)) HAK_COLD void hak_block_report_link(const struct hak_block *block);

/* The following block of a local list; a fatal report if the link was overwritten. */
HAK_INLINE struct hak_block *hak_block_next(const struct hak_block *block) {
    if (HAK_UNLIKELY(block->mark != hak_block_mark_local(block->next)))
        hak_block_report_link(block);
    return block->next;
}

/* Writes a local link. */
HAK_INLINE void hak_block_link(struct hak_block *block, struct hak_block *next) {
    block->next = next;
    block->mark = hak_block_mark_local(next);
}

/* The following block of a remote list; a fatal report if the link was overwritten. */
HAK_INLINE struct hak_block *hak_block_next_remote(const struct hak_block *block) {
    if (HAK_UNLIKELY(block->mark != hak_block_mark_remote(block, block->next)))
        hak_block_report_link(block);
    return block->next;
}

/* Writes a remote link. */
HAK_INLINE void hak_block_link_remote(struct hak_block *block, struct hak_block *next) {
    block->next = next;
    block->mark = hak_block_mark_remote(block, next);
}

/* Blocks in a local list. */
HAK_INLINE int64_t hak_block_list_length(const struct hak_block *first) {
    int64_t length = 0;
    for (; first != HAK_LIST_END; first = hak_block_next(first))
        length++;
    return length;
}

#endif

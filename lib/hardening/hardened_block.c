/* SPDX-License-Identifier: MIT */
/*
 * The unusual cases of opening and checking a block, and what becomes of its trailer while it
 * lives. Any thread that holds the block may call.
 */
#include "hardening/hardened_block.h"

#include "os/os_fatal.h"

#define HAK_WASTE_LEAST_BYTES 64u /* less room than that is never too much */

static size_t room_of(const struct hak_slab *slab) {
    return slab->size_class == HAK_CLASS_NONE ? slab->large_bytes
                                              : hak_size_class_bytes[slab->size_class];
}

__attribute__((noreturn)) HAK_COLD static void
report(enum hak_fatal_code code, const struct hak_slab *slab, const void *block) {
    bool is_large = slab->size_class == HAK_CLASS_NONE;
    hak_fatal(code, block, room_of(slab), is_large ? HAK_NO_THREAD : hak_heap_owner_thread(slab));
}

void hak_hardened_block_report_write(const struct hak_block *block) {
    report(HAK_FATAL_WRITE_AFTER_FREE, hak_region_slab(block), block);
}

/* What the trailer of a live block says. */
static uint64_t read_trailer(const struct hak_slab *slab, const void *block,
                             enum hak_fatal_code when_free) {
    size_t room_bytes = room_of(slab);
    uint64_t word = hak_trailer_load(block, room_bytes);
    uint64_t value = hak_trailer_decode(hak_trailer_mask(block), word);
    if (HAK_LIKELY(hak_trailer_is_live(value, room_bytes)))
        return value;
    report(word == 0 || value == HAK_TRAILER_FREE ? when_free : HAK_FATAL_OVERRUN, slab, block);
}

size_t hak_hardened_block_bytes(const struct hak_slab *slab, const void *block) {
    return hak_trailer_bytes(read_trailer(slab, block, HAK_FATAL_FREED_BLOCK));
}

static HAK_SLOW void seal(void *block, size_t room_bytes, uint64_t mask, uint64_t value) {
    hak_trailer_store(block, room_bytes, hak_trailer_encode(mask, value));
    if (hak_hardened.has_canary)
        hak_trailer_slack_fill(block, room_bytes, hak_trailer_bytes(value),
                               hak_trailer_filler(mask));
}

void *hak_hardened_block_open_unusual(struct hak_block *block, size_t room_bytes, size_t bytes) {
    uint64_t mask = hak_trailer_mask(block);
    uint64_t word = hak_trailer_load(block, room_bytes);
    *(hak_words *)block = (hak_words){0, 0};
    if (HAK_UNLIKELY(word != 0 && word != hak_trailer_encode(mask, HAK_TRAILER_FREE)) ||
        HAK_UNLIKELY(hak_hardened_block_is_wiped(block, room_bytes) &&
                     !hak_wipe_is_block_zero(block, room_bytes)))
        hak_hardened_block_report_write(block);
    seal(block, room_bytes, mask, bytes);
    return block;
}

void hak_hardened_block_report_unsound(const struct hak_slab *slab, const void *block) {
    bool is_small = slab->size_class != HAK_CLASS_NONE;
    if (is_small && !hak_slab_has_block(slab, (uintptr_t)block))
        hak_slab_report_stray(slab, block);
    uint64_t value = read_trailer(slab, block, HAK_FATAL_DOUBLE_FREE);
    uint64_t filler = hak_trailer_filler(hak_trailer_mask(block));
    if (hak_hardened.has_canary &&
        !hak_trailer_slack_is_filled(block, room_of(slab), hak_trailer_bytes(value), filler))
        report(HAK_FATAL_OVERRUN, slab, block);
    if (hak_trailer_kind(value) != HAK_BY_MALLOC)
        report(HAK_FATAL_WRONG_FREE, slab, block);
    report(HAK_FATAL_UNDERRUN, slab, block);
}

bool hak_hardened_block_resize(struct hak_slab *slab, void *block, size_t bytes) {
    size_t room_bytes = room_of(slab);
    uint64_t mask = hak_trailer_mask(block);
    if (HAK_UNLIKELY(!hak_hardened_block_is_sound(block, room_bytes, mask)))
        hak_hardened_block_report_unsound(slab, block);
    if (bytes > room_bytes - HAK_TRAILER_BYTES)
        return false;
    if (room_bytes > HAK_WASTE_LEAST_BYTES && bytes <= room_bytes / 2)
        return false;
    size_t old_bytes = hak_trailer_decode(mask, hak_trailer_load(block, room_bytes));
    hak_trailer_store(block, room_bytes, hak_trailer_encode(mask, bytes));
    if (hak_hardened.has_canary && bytes < old_bytes) /* else the slack is what is left of it */
        hak_trailer_slack_fill(block, room_bytes, bytes, hak_trailer_filler(mask));
    return true;
}

/* ---- large blocks ---- */

void hak_hardened_block_seal_large(struct hak_slab *slab, size_t bytes) {
    void *block = (void *)hak_region_slab_address(slab);
    seal(block, slab->large_bytes, hak_trailer_mask(block), bytes);
}

void hak_hardened_block_check_large(const struct hak_slab *slab) {
    const void *block = (const void *)hak_region_slab_address(slab);
    if (HAK_UNLIKELY(
            !hak_hardened_block_is_sound(block, slab->large_bytes, hak_trailer_mask(block))))
        hak_hardened_block_report_unsound(slab, block);
}

/* ---- new and delete ---- */

/* The slab or run of a block that has a trailer; NULL: it isn't ours, or free() will complain. */
static struct hak_slab *find(const void *block) {
    struct hak_slab *slab = block ? hak_region_slab(block) : NULL;
    uint8_t state = slab ? atomic_load_explicit(&slab->state, memory_order_acquire) : 0;
    if (state == HAK_SLAB_LARGE)
        return (uintptr_t)block == hak_region_slab_address(slab) ? slab : NULL;
    return state == HAK_SLAB_BLOCKS && hak_slab_has_start(slab, (uintptr_t)block) ? slab : NULL;
}

/* What is behind the block stays as it is. */
static void set_kind(const struct hak_slab *slab, void *block, uint64_t value,
                     enum hak_block_kind kind) {
    uint64_t changed = hak_trailer_bytes(value) | (uint64_t)kind << HAK_KIND_SHIFT;
    hak_trailer_store(block, room_of(slab), hak_trailer_encode(hak_trailer_mask(block), changed));
}

void hak_hardened_block_mark(void *block, enum hak_block_kind from, enum hak_block_kind to) {
    struct hak_slab *slab = find(block);
    if (!slab)
        return;
    uint64_t value = read_trailer(slab, block, HAK_FATAL_DOUBLE_FREE);
    if (hak_trailer_kind(value) == from)
        set_kind(slab, block, value, to);
}

void hak_hardened_block_unmark(void *block, enum hak_block_kind from, enum hak_block_kind to) {
    struct hak_slab *slab = find(block);
    if (!slab)
        return;
    uint64_t value = read_trailer(slab, block, HAK_FATAL_DOUBLE_FREE);
    enum hak_block_kind kind = hak_trailer_kind(value);
    if (kind == from)
        set_kind(slab, block, value, to);
    else if (kind != HAK_BY_MALLOC || from == HAK_BY_NEW || from == HAK_BY_ALIGNED_NEW)
        report(HAK_FATAL_WRONG_FREE, slab, block);
}

void hak_hardened_block_check_size(const void *block, size_t bytes) {
    struct hak_slab *slab = find(block);
    if (slab && hak_trailer_bytes(read_trailer(slab, block, HAK_FATAL_DOUBLE_FREE)) != bytes)
        report(HAK_FATAL_WRONG_SIZE, slab, block);
}

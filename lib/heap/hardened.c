/* SPDX-License-Identifier: MIT */
/*
 * Owns the opening, checking and closing of blocks. A block's trailer is written by whoever holds
 * the block and, as one word, read by whoever frees the block behind it. Invariant: the trailer of
 * a block that was freed says so, that of a live one says its size; 0: never handed out.
 */
#include "heap/hardened.h"

#include "conf/conf.h"
#include "heap/cache.h"
#include "heap/free.h"
#include "heap/large.h"
#include "heap/orphan.h"
#include "heap/quarantine.h"
#include "heap/slab.h"
#include "heap/trailer.h"
#include "os/os_fatal.h"
#include "os/os_random.h"

#include <string.h>

#define HAK_LEAST_BYTES (sizeof(struct hak_block) + 1) /* trailer and links are apart */
#define HAK_PLAIN_BYTES (HAK_CLASS_MAX_BYTES - HAK_TRAILER_BYTES)
#define HAK_WASTE_LEAST_BYTES 64u /* less room than that is never too much */

struct hak_hardened hak_hardened;

static unsigned class_for(size_t total_bytes) {
    return hak_class_of(hak_max(total_bytes, HAK_LEAST_BYTES));
}

void hak_hardened_start(void) {
    hak_hardened = (struct hak_hardened){
        .has_canary = hak_conf.canary != 0,
        .zeroes = hak_conf.zero_on_free != 0,
        .shuffles = hak_conf.random_order != 0,
        .guards = hak_conf.guard_pages != 0,
        .checks_delete = hak_conf.check_delete != 0,
        .quarantine_bytes = hak_conf.quarantine,
        .quarantine_most_bytes = hak_conf.quarantine + hak_conf.quarantine / 8,
        .quarantine_ms = hak_conf.quarantine_ms,
        .secret = hak_os_random(0x63616e617279),
        .factor = HAK_TRAILER_FACTOR,
        .inverse = HAK_TRAILER_INVERSE,
    };
    hak_hardened.is_on = hak_hardened.has_canary || hak_hardened.zeroes || hak_hardened.shuffles ||
                         hak_hardened.guards || hak_hardened.checks_delete ||
                         hak_hardened.quarantine_bytes;
    if (!hak_hardened.is_on)
        return;
    for (unsigned i = 0; i < sizeof hak_hardened.class_of; i++)
        hak_hardened.class_of[i] = (uint8_t)class_for((size_t)i * 16);
    hak_hardened.plain_bytes = HAK_PLAIN_BYTES;
    hak_hardened.is_whole = hak_hardened.has_canary && hak_hardened.zeroes &&
                            hak_hardened.shuffles && hak_hardened.quarantine_bytes;
    for (unsigned class = 0; class < HAK_CLASS_COUNT; class ++) {
        size_t bytes = hak_class_bytes[class];
        bool is_short =
            hak_hardened.is_whole && class != HAK_CLASS_NONE && bytes <= HAK_WIPE_BLOCK_BYTES;
        hak_hardened.last_start[class] = is_short ? (int32_t)(HAK_SLAB_BYTES - bytes) : -1;
    }
}

static size_t room_of(const struct hak_slab *slab) {
    return slab->class == HAK_CLASS_NONE ? slab->large_bytes : hak_class_bytes[slab->class];
}

__attribute__((noreturn)) HAK_COLD static void
report(enum hak_fatal_code code, const struct hak_slab *slab, const void *block) {
    bool is_large = slab->class == HAK_CLASS_NONE;
    hak_fatal(code, block, room_of(slab), is_large ? HAK_NO_THREAD : hak_slab_owner_thread(slab));
}

void hak_hardened_report_write(const struct hak_block *block) {
    report(HAK_FATAL_WRITE_AFTER_FREE, hak_slab_of(block), block);
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

size_t hak_hardened_bytes(const struct hak_slab *slab, const void *block) {
    return hak_trailer_bytes(read_trailer(slab, block, HAK_FATAL_FREED_BLOCK));
}

static HAK_SLOW void seal(void *block, size_t room_bytes, uint64_t mask, uint64_t value) {
    hak_trailer_store(block, room_bytes, hak_trailer_encode(mask, value));
    if (hak_hardened.has_canary)
        hak_slack_fill(block, room_bytes, hak_trailer_bytes(value), hak_filler(mask));
}

/* ---- allocation ---- */

/* Nothing is in it, or it is told of. A block that was never handed out is left alone: looking
 * would touch all its pages. */
static bool will_be_zero(const void *block, size_t room_bytes) {
    return hak_hardened.zeroes && hak_trailer_load(block, room_bytes) != 0;
}

static HAK_SLOW void *open_unusual(struct hak_block *block, size_t room_bytes, size_t bytes) {
    uint64_t mask = hak_trailer_mask(block);
    uint64_t word = hak_trailer_load(block, room_bytes);
    *(hak_words *)block = (hak_words){0, 0};
    if (HAK_UNLIKELY(word != 0 && word != hak_trailer_encode(mask, HAK_TRAILER_FREE)) ||
        HAK_UNLIKELY(will_be_zero(block, room_bytes) && !hak_is_block_zero(block, room_bytes)))
        hak_hardened_report_write(block);
    seal(block, room_bytes, mask, bytes);
    return block;
}

HAK_INLINE void *open_block(struct hak_block *block, size_t room_bytes, size_t bytes) {
    uint64_t mask = hak_trailer_mask(block);
    size_t slack = room_bytes - HAK_TRAILER_BYTES - bytes;
    if (HAK_UNLIKELY(!hak_hardened.is_whole ||
                     hak_trailer_load(block, room_bytes) !=
                         hak_trailer_encode(mask, HAK_TRAILER_FREE) ||
                     !hak_slack_is_near(room_bytes, slack)))
        return open_unusual(block, room_bytes, bytes);
    *(hak_words *)block = (hak_words){0, 0}; /* its links */
    if (HAK_UNLIKELY(!hak_is_block_zero(block, room_bytes)))
        hak_hardened_report_write(block);
    hak_trailer_store(block, room_bytes, hak_trailer_encode(mask, bytes));
    hak_slack_fill_zeroed(block, room_bytes, slack, hak_filler(mask));
    return block;
}

/* NULL: it isn't plain. */
HAK_INLINE struct hak_block *take_plain(struct hak_heap *heap, size_t bytes, size_t *ret_room) {
    size_t total = bytes + HAK_TRAILER_BYTES;
    size_t class = HAK_LIKELY(total <= HAK_DIRECT_MAX_BYTES)
                       ? hak_hardened.class_of[(total + 15) / 16]
                       : hak_class_of(total);
    *ret_room = hak_class_bytes[class];
    return hak_alloc_listed(&heap->hot, class);
}

void *hak_hardened_malloc(size_t bytes, struct hak_heap *heap) {
    size_t room_bytes;
    struct hak_block *block = take_plain(heap, bytes, &room_bytes);
    if (HAK_UNLIKELY(!block))
        return hak_alloc_general(bytes);
    return open_block(block, room_bytes, bytes);
}

void *hak_hardened_calloc(size_t bytes, struct hak_heap *heap) {
    size_t room_bytes;
    bool is_zero = false;
    void *block = take_plain(heap, bytes, &room_bytes);
    if (HAK_LIKELY(block != NULL)) {
        is_zero = will_be_zero(block, room_bytes);
        open_block(block, room_bytes, bytes);
    } else {
        block = hak_alloc_general(bytes);
    }
    return HAK_LIKELY(is_zero) || !block ? block : memset(block, 0, bytes);
}

void *hak_hardened_alloc(struct hak_heap *heap, size_t bytes, size_t alignment) {
    struct hak_block *block;
    if (bytes > PTRDIFF_MAX - HAK_SLAB_BYTES || alignment > PTRDIFF_MAX / 2)
        return NULL;
    size_t total = hak_class_aligned_bytes(bytes + HAK_TRAILER_BYTES, alignment);
    if (total > HAK_CLASS_MAX_BYTES)
        return hak_large_alloc(bytes, hak_max(alignment, HAK_SLAB_BYTES), NULL);
    unsigned class = class_for(total);
    if (HAK_UNLIKELY(!heap)) {
        block = hak_orphan_alloc(class);
        return block ? open_block(block, hak_class_bytes[class], bytes) : NULL;
    }
    if (heap->hot.bin[class] == HAK_LIST_END) {
        if (hak_hardened.quarantine_ms && hak_hardened.quarantine_bytes)
            hak_quarantine_age(heap);
        if (heap->hot.bin[class] == HAK_LIST_END && !hak_cache_refill(heap, class))
            return NULL;
    }
    block = heap->hot.bin[class];
    hak_cache_pop(heap, class, block, hak_block_next(block));
    return open_block(block, hak_class_bytes[class], bytes);
}

/* ---- free ---- */

/* Nothing was written in front of the block, into its neighbour's trailer. */
HAK_INLINE bool is_front_sound(const void *block, size_t room_bytes) {
    if ((uint16_t)(uintptr_t)block < room_bytes) /* the first */
        return true;
    const char *before = (const char *)block - room_bytes;
    uint64_t word = hak_trailer_load(before, room_bytes);
    uint64_t value = hak_trailer_decode(hak_trailer_mask(before), word);
    return (value & ~HAK_TRAILER_FREE) <= room_bytes - HAK_TRAILER_BYTES || word == 0;
}

/* Why a block isn't what free() may take. */
__attribute__((noreturn)) HAK_COLD static void report_unsound(const struct hak_slab *slab,
                                                              const void *block) {
    bool is_small = slab->class != HAK_CLASS_NONE;
    if (is_small && !hak_slab_has_block(slab, (uintptr_t)block))
        hak_slab_report_stray(slab, block);
    uint64_t value = read_trailer(slab, block, HAK_FATAL_DOUBLE_FREE);
    uint64_t filler = hak_filler(hak_trailer_mask(block));
    if (hak_hardened.has_canary &&
        !hak_slack_is_filled(block, room_of(slab), hak_trailer_bytes(value), filler))
        report(HAK_FATAL_OVERRUN, slab, block);
    if (hak_trailer_kind(value) != HAK_BY_MALLOC)
        report(HAK_FATAL_WRONG_FREE, slab, block);
    report(HAK_FATAL_UNDERRUN, slab, block);
}

/* A live block that malloc made, with nothing written behind its end. */
HAK_INLINE bool is_block_sound(const void *block, size_t room_bytes, uint64_t mask) {
    uint64_t value = hak_trailer_decode(mask, hak_trailer_load(block, room_bytes));
    size_t slack = room_bytes - HAK_TRAILER_BYTES - value;
    return HAK_LIKELY(value <= room_bytes - HAK_TRAILER_BYTES) &&
           (!hak_hardened.has_canary ||
            hak_slack_is_near_filled(block, room_bytes, slack, hak_filler(mask)) ||
            hak_slack_is_filled(block, room_bytes, value, hak_filler(mask)));
}

/* Its trailer is the slab's own, too. */
HAK_INLINE bool is_inside(const void *block, size_t room_bytes) {
    return (uint16_t)(uintptr_t)block + room_bytes <= HAK_SLAB_BYTES;
}

void hak_hardened_free_block(struct hak_heap *heap, struct hak_slab *slab,
                             struct hak_block *block) {
    unsigned class = slab->class;
    size_t room_bytes = hak_class_bytes[class];
    uint64_t mask = hak_trailer_mask(block);
    if (!is_inside(block, room_bytes) || !is_block_sound(block, room_bytes, mask) ||
        (hak_hardened.has_canary && !is_front_sound(block, room_bytes)))
        report_unsound(slab, block);
    hak_trailer_store(block, room_bytes, hak_trailer_encode(mask, HAK_TRAILER_FREE));
    if (hak_hardened.zeroes) {
        *(hak_word *)hak_words_at(block, room_bytes - 16) = 0;
        hak_wipe(block, room_bytes - 16);
    }
    /* relaxed: its own slabs a thread knows */
    bool is_own = atomic_load_explicit(&slab->owner, memory_order_relaxed) == heap;
    if (heap && hak_hardened.quarantine_bytes)
        hak_quarantine_add(heap, block, is_own ? class : class | HAK_QUARANTINE_OTHER);
    else
        hak_free_checked(heap, slab, block);
}

/* Without a call on the way. What it finds fault with is left to the others. */
void hak_hardened_free(void *block, struct hak_heap *heap) {
    size_t index = ((uintptr_t)block - heap->hot.range_base) >> HAK_SLAB_SHIFT;
    /* acquire pairs with the release in mark_ready (range.c): the records are readable */
    if (HAK_UNLIKELY(
            index >= heap->hot.range_slabs ||
            !atomic_load_explicit(&hak_ranges[0].superslab_ready[index / HAK_SUPERSLAB_SLABS],
                                  memory_order_acquire)))
        return hak_free_unusual(block);
    struct hak_slab *slab = &hak_ranges[0].slab[index];
    size_t tag = slab->class;
    size_t room_bytes = hak_class_bytes[tag];
    int32_t last_start = hak_hardened.last_start[tag];
    /* relaxed: this thread alone makes a slab its own, or gives it up */
    if (HAK_UNLIKELY(atomic_load_explicit(&slab->owner, memory_order_relaxed) != heap)) {
        /* acquire pairs with the release in hak_slab_start: the record is complete */
        if (atomic_load_explicit(&slab->state, memory_order_acquire) != HAK_SLAB_BLOCKS)
            return hak_free_unusual(block);
        tag |= HAK_QUARANTINE_OTHER;
    }
    if (HAK_UNLIKELY((int32_t)(uint16_t)(uintptr_t)block > last_start))
        return hak_hardened_free_block(heap, slab, block);
    if (HAK_UNLIKELY(!is_front_sound(block, room_bytes)))
        return hak_free_unusual(block);
    uint64_t mask = hak_trailer_mask(block);
    uint64_t value = hak_trailer_decode(mask, hak_trailer_load(block, room_bytes));
    size_t slack = room_bytes - HAK_TRAILER_BYTES - value; /* huge: it isn't sound */
    if (HAK_UNLIKELY(!hak_slack_is_near_filled(block, room_bytes, slack, hak_filler(mask))))
        return hak_free_unusual(block);
    hak_trailer_store(block, room_bytes, hak_trailer_encode(mask, HAK_TRAILER_FREE));
    hak_wipe_block(block, room_bytes);
    hak_quarantine_add_whole(heap, block, tag, room_bytes);
}

bool hak_hardened_resize(struct hak_slab *slab, void *block, size_t bytes) {
    size_t room_bytes = room_of(slab);
    uint64_t mask = hak_trailer_mask(block);
    if (HAK_UNLIKELY(!is_block_sound(block, room_bytes, mask)))
        report_unsound(slab, block);
    if (bytes > room_bytes - HAK_TRAILER_BYTES)
        return false;
    if (room_bytes > HAK_WASTE_LEAST_BYTES && bytes <= room_bytes / 2)
        return false;
    size_t old_bytes = hak_trailer_decode(mask, hak_trailer_load(block, room_bytes));
    hak_trailer_store(block, room_bytes, hak_trailer_encode(mask, bytes));
    if (hak_hardened.has_canary && bytes < old_bytes) /* else the slack is what is left of it */
        hak_slack_fill(block, room_bytes, bytes, hak_filler(mask));
    return true;
}

/* ---- large blocks ---- */

void hak_hardened_seal_large(struct hak_slab *slab, size_t bytes) {
    void *block = (void *)hak_slab_address(slab);
    seal(block, slab->large_bytes, hak_trailer_mask(block), bytes);
}

void hak_hardened_check_large(const struct hak_slab *slab) {
    const void *block = (const void *)hak_slab_address(slab);
    if (HAK_UNLIKELY(!is_block_sound(block, slab->large_bytes, hak_trailer_mask(block))))
        report_unsound(slab, block);
}

/* ---- new and delete ---- */

/* The slab or run of a block that has a trailer; NULL: it isn't ours, or free() will complain. */
static struct hak_slab *find(const void *block) {
    struct hak_slab *slab = block ? hak_slab_of(block) : NULL;
    uint8_t state = slab ? atomic_load_explicit(&slab->state, memory_order_acquire) : 0;
    if (state == HAK_SLAB_LARGE)
        return (uintptr_t)block == hak_slab_address(slab) ? slab : NULL;
    return state == HAK_SLAB_BLOCKS && hak_slab_has_start(slab, (uintptr_t)block) ? slab : NULL;
}

/* What is behind the block stays as it is. */
static void set_kind(const struct hak_slab *slab, void *block, uint64_t value,
                     enum hak_block_kind kind) {
    uint64_t changed = hak_trailer_bytes(value) | (uint64_t)kind << HAK_KIND_SHIFT;
    hak_trailer_store(block, room_of(slab), hak_trailer_encode(hak_trailer_mask(block), changed));
}

void hak_hardened_mark(void *block, enum hak_block_kind from, enum hak_block_kind to) {
    struct hak_slab *slab = find(block);
    if (!slab)
        return;
    uint64_t value = read_trailer(slab, block, HAK_FATAL_DOUBLE_FREE);
    if (hak_trailer_kind(value) == from)
        set_kind(slab, block, value, to);
}

void hak_hardened_unmark(void *block, enum hak_block_kind from, enum hak_block_kind to) {
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

void hak_hardened_check_size(const void *block, size_t bytes) {
    struct hak_slab *slab = find(block);
    if (slab && hak_trailer_bytes(read_trailer(slab, block, HAK_FATAL_DOUBLE_FREE)) != bytes)
        report(HAK_FATAL_WRONG_SIZE, slab, block);
}

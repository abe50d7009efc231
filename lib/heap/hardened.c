/* SPDX-License-Identifier: MIT */
/*
 * Owns trailers, quarantine and shuffling. A block's trailer is written by whoever holds the block
 * and, as one word, read by whoever frees the block behind it. A quarantine is its heap's thread's
 * alone. Invariant: a free block's trailer is 0, a live one's never is.
 */
#include "heap/hardened.h"

#include "conf/conf.h"
#include "heap/cache.h"
#include "heap/free.h"
#include "heap/large.h"
#include "heap/orphan.h"
#include "heap/remote.h"
#include "heap/slab.h"
#include "os/os_fatal.h"
#include "os/os_memory.h"
#include "os/os_random.h"

#include <string.h>

#define HAK_TRAILER_FACTOR 0x9E3779B97F4A7C15u  /* odd: a changed low bit changes all above, */
#define HAK_TRAILER_INVERSE 0xF1DE83E19937733Du /* and this undoes it */
#define HAK_KIND_SHIFT 48u
#define HAK_SHUFFLED_MOST 1024u
#define HAK_GUARDED_MOST 1000 /* large blocks with a guard at a time: two mappings each */

#define HAK_LEAST_BYTES (sizeof(struct hak_block) + 1) /* trailer and links are apart */

struct hak_hardened hak_hardened;

/* relaxed: a bound */
static _Atomic int guarded_blocks;

void hak_hardened_start(void) {
    hak_hardened = (struct hak_hardened){
        .has_canary = hak_conf.canary != 0,
        .zeroes = hak_conf.zero_on_free != 0,
        .shuffles = hak_conf.random_order != 0,
        .guards = hak_conf.guard_pages != 0,
        .checks_delete = hak_conf.check_delete != 0,
        .quarantine_bytes = hak_conf.quarantine,
        .secret = hak_os_random(0x63616e617279),
    };
    hak_hardened.is_on = hak_hardened.has_canary || hak_hardened.zeroes || hak_hardened.shuffles ||
                         hak_hardened.guards || hak_hardened.checks_delete ||
                         hak_hardened.quarantine_bytes;
}

/* ---- trailers ---- */

static size_t room_of(const struct hak_slab *slab) {
    return slab->class == HAK_CLASS_NONE ? slab->large_bytes : hak_class_bytes[slab->class];
}

static _Atomic uint64_t *trailer_at(const void *block, size_t room_bytes) {
    return (_Atomic uint64_t *)((uintptr_t)block + room_bytes - HAK_TRAILER_BYTES);
}

static uint64_t mask_of(const void *block) {
    return ((uintptr_t)block ^ hak_hardened.secret) * HAK_TRAILER_FACTOR | 1;
}

/* relaxed everywhere: neighbours look at it, but read nothing because of it */
static uint64_t trailer_of(const void *block, size_t room_bytes) {
    return atomic_load_explicit(trailer_at(block, room_bytes), memory_order_relaxed);
}

static void set_trailer(void *block, size_t room_bytes, size_t bytes, unsigned kind) {
    uint64_t value = bytes | (uint64_t)kind << HAK_KIND_SHIFT;
    uint64_t word = (value + mask_of(block)) * HAK_TRAILER_FACTOR;
    atomic_store_explicit(trailer_at(block, room_bytes), word, memory_order_relaxed);
}

/* The size and kind in a trailer; above 2^50 if it is spoilt. */
static uint64_t decode(const void *block, uint64_t word) {
    return word * HAK_TRAILER_INVERSE - mask_of(block);
}

static bool is_sound(uint64_t value, size_t room_bytes) {
    size_t bytes = value & (((uint64_t)1 << HAK_KIND_SHIFT) - 1);
    return value >> HAK_KIND_SHIFT <= HAK_BY_ALIGNED_NEW_ARRAY &&
           bytes <= room_bytes - HAK_TRAILER_BYTES;
}

static size_t bytes_in(uint64_t value) {
    return value & (((uint64_t)1 << HAK_KIND_SHIFT) - 1);
}

static unsigned char filler_of(const void *block) {
    return (unsigned char)(mask_of(block) >> 56 | 1);
}

static void seal(void *block, size_t room_bytes, size_t bytes) {
    size_t slack = room_bytes - HAK_TRAILER_BYTES - bytes;
    set_trailer(block, room_bytes, bytes, HAK_BY_MALLOC);
    if (hak_hardened.has_canary && slack)
        memset((char *)block + bytes, filler_of(block), slack);
}

__attribute__((noreturn)) HAK_COLD static void report(enum hak_fatal_code code,
                                                      const struct hak_slab *slab,
                                                      const void *block) {
    bool is_large = slab->class == HAK_CLASS_NONE;
    hak_fatal(code, block, room_of(slab), is_large ? HAK_NO_THREAD : hak_slab_owner_thread(slab));
}

static bool slack_is_filled(const void *block, size_t room_bytes, size_t bytes) {
    const unsigned char *at = (const unsigned char *)block + bytes;
    const unsigned char *end = (const unsigned char *)block + room_bytes - HAK_TRAILER_BYTES;
    unsigned char filler = filler_of(block);
    while (at < end && *at == filler)
        at++;
    return at == end;
}

/* What the trailer of a live block says. */
static uint64_t read_trailer(const struct hak_slab *slab, const void *block,
                             enum hak_fatal_code when_free) {
    size_t room_bytes = room_of(slab);
    uint64_t word = trailer_of(block, room_bytes);
    uint64_t value = decode(block, word);
    if (HAK_LIKELY(is_sound(value, room_bytes)))
        return value;
    report(word == 0 ? when_free : HAK_FATAL_OVERRUN, slab, block);
}

size_t hak_hardened_bytes(const struct hak_slab *slab, const void *block) {
    return bytes_in(read_trailer(slab, block, HAK_FATAL_FREED_BLOCK));
}

/* Nothing was written behind the block's end, nor in front of it into its neighbour's. */
static void check_ends(const struct hak_slab *slab, const char *block, size_t bytes) {
    size_t room_bytes = room_of(slab);
    if (HAK_UNLIKELY(!slack_is_filled(block, room_bytes, bytes)))
        report(HAK_FATAL_OVERRUN, slab, block);
    if ((uintptr_t)block % HAK_SLAB_BYTES == 0)
        return;
    uint64_t word = trailer_of(block - room_bytes, room_bytes);
    if (HAK_UNLIKELY(word && !is_sound(decode(block - room_bytes, word), room_bytes)))
        report(HAK_FATAL_UNDERRUN, slab, block);
}

/* A block that free() may take. */
static void check_block(const struct hak_slab *slab, const void *block) {
    uint64_t value = read_trailer(slab, block, HAK_FATAL_DOUBLE_FREE);
    if (hak_hardened.has_canary)
        check_ends(slab, (const char *)block, bytes_in(value));
    if (HAK_UNLIKELY(value >> HAK_KIND_SHIFT != HAK_BY_MALLOC))
        report(HAK_FATAL_WRONG_FREE, slab, block);
}

/* Makes it as free blocks are but for its links. */
static void close_block(const struct hak_slab *slab, struct hak_block *block) {
    size_t room_bytes = room_of(slab);
    check_block(slab, block);
    atomic_store_explicit(trailer_at(block, room_bytes), 0, memory_order_relaxed);
    if (hak_hardened.zeroes)
        memset(block, 0, room_bytes - HAK_TRAILER_BYTES);
}

/* ---- allocation ---- */

static bool is_zero_from(const struct hak_block *block, size_t room_bytes) {
    const uint64_t *word = (const uint64_t *)block;
    uint64_t any = 0;
    for (size_t i = sizeof *block / sizeof *word; i < room_bytes / sizeof *word; i++)
        any |= word[i];
    return any == 0;
}

static void *open_block(struct hak_block *block, unsigned class, size_t bytes) {
    size_t room_bytes = hak_class_bytes[class];
    if (hak_hardened.zeroes && HAK_UNLIKELY(!is_zero_from(block, room_bytes)))
        report(HAK_FATAL_WRITE_AFTER_FREE, hak_slab_of(block), block);
    block->next = NULL;
    seal(block, room_bytes, bytes);
    return block;
}

void *hak_hardened_alloc(struct hak_heap *heap, size_t bytes, size_t alignment) {
    struct hak_block *block;
    if (bytes > PTRDIFF_MAX - HAK_SLAB_BYTES || alignment > PTRDIFF_MAX / 2)
        return NULL;
    size_t total = hak_round_up(bytes + HAK_TRAILER_BYTES, alignment);
    if (total > HAK_CLASS_MAX_BYTES)
        return hak_large_alloc(bytes, hak_max(alignment, HAK_SLAB_BYTES), NULL);
    unsigned class = hak_class_of(hak_max(total, HAK_LEAST_BYTES));
    if (HAK_UNLIKELY(!heap)) {
        block = hak_orphan_alloc(class);
        return block ? open_block(block, class, bytes) : NULL;
    }
    if (heap->hot.bin[class] == HAK_LIST_END && !hak_cache_refill(heap, class))
        return NULL;
    block = heap->hot.bin[class];
    hak_cache_pop(heap, class, block, hak_block_next(block));
    return open_block(block, class, bytes);
}

/* ---- free ---- */

/* Puts a block last, so that it waits as long as the bound allows; frees those that waited. */
static void wait_in_quarantine(struct hak_heap *heap, struct hak_block *block, size_t bytes) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    hak_remote_link(block, NULL);
    if (quarantine->last)
        hak_remote_link(quarantine->last, block);
    else
        quarantine->first = block;
    quarantine->last = block;
    quarantine->bytes += bytes;
}

static void release_first(struct hak_heap *heap) {
    struct hak_quarantine *quarantine = &heap->quarantine;
    struct hak_block *block = quarantine->first;
    struct hak_slab *slab = hak_slab_of_own(block);
    quarantine->first = hak_remote_next(block);
    if (!quarantine->first)
        quarantine->last = NULL;
    quarantine->bytes -= room_of(slab);
    hak_free_checked(heap, slab, block);
}

void hak_hardened_free(struct hak_heap *heap, struct hak_slab *slab, struct hak_block *block) {
    close_block(slab, block);
    if (!heap || !hak_hardened.quarantine_bytes) {
        hak_free_checked(heap, slab, block);
        return;
    }
    wait_in_quarantine(heap, block, hak_class_bytes[slab->class]);
    while (heap->quarantine.bytes > hak_hardened.quarantine_bytes &&
           heap->quarantine.first != heap->quarantine.last)
        release_first(heap);
}

void hak_hardened_release(struct hak_heap *heap) {
    while (heap->quarantine.first)
        release_first(heap);
}

/* ---- large blocks ---- */

static void guard(struct hak_slab *slab) {
    size_t run_bytes = (size_t)slab->run_slabs << HAK_SLAB_SHIFT;
    char *end = (char *)hak_slab_address(slab) + slab->large_bytes;
    size_t rest = run_bytes - slab->large_bytes;
    slab->is_guarded = false;
    if (!hak_hardened.guards || rest == 0)
        return;
    if (atomic_fetch_add_explicit(&guarded_blocks, 1, memory_order_relaxed) < HAK_GUARDED_MOST)
        slab->is_guarded = hak_os_deny(end, rest);
    if (!slab->is_guarded)
        atomic_fetch_sub_explicit(&guarded_blocks, 1, memory_order_relaxed);
}

void hak_hardened_seal_large(struct hak_slab *slab, size_t bytes) {
    struct hak_block *block = (struct hak_block *)hak_slab_address(slab);
    guard(slab);
    if (!slab->is_zero)
        block->mark = 0; /* a copy of the block must not look like a free one */
    seal(block, slab->large_bytes, bytes);
}

bool hak_hardened_unseal_large(struct hak_slab *slab) {
    char *start = (char *)hak_slab_address(slab);
    size_t run_bytes = (size_t)slab->run_slabs << HAK_SLAB_SHIFT;
    check_block(slab, start);
    if (slab->is_guarded) {
        hak_os_commit(start + slab->large_bytes, run_bytes - slab->large_bytes);
        slab->is_guarded = false;
        atomic_fetch_sub_explicit(&guarded_blocks, 1, memory_order_relaxed);
    }
    if (!hak_hardened.zeroes)
        return false;
    return slab->is_moved ? hak_os_renew(start, run_bytes) : hak_os_purge(start, run_bytes);
}

/* ---- order ---- */

/* SplitMix64; the state begins with the process's secret, so that nobody foresees an order. */
static uint64_t next_random(struct hak_heap *heap) {
    if (heap->quarantine.random == 0)
        heap->quarantine.random = hak_hardened.secret ^ (uintptr_t)heap;
    uint64_t z = heap->quarantine.random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

struct hak_block *hak_hardened_shuffle(struct hak_heap *heap, struct hak_block *first) {
    struct hak_block *blocks[HAK_SHUFFLED_MOST];
    uint32_t count = 0;
    struct hak_block *rest = first;
    for (; rest != HAK_LIST_END && count < HAK_SHUFFLED_MOST; rest = hak_block_next(rest)) {
        uint32_t place = (uint32_t)((next_random(heap) >> 32) * (count + 1) >> 32);
        blocks[count] = blocks[place];
        blocks[place] = rest;
        count++;
    }
    while (count) {
        hak_block_link(blocks[--count], rest);
        rest = blocks[count];
    }
    return rest;
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

static enum hak_block_kind kind_in(uint64_t value) {
    return (enum hak_block_kind)(value >> HAK_KIND_SHIFT);
}

void hak_hardened_mark(void *block, enum hak_block_kind from, enum hak_block_kind to) {
    struct hak_slab *slab = find(block);
    if (!slab)
        return;
    uint64_t value = read_trailer(slab, block, HAK_FATAL_DOUBLE_FREE);
    if (kind_in(value) == from)
        set_trailer(block, room_of(slab), bytes_in(value), to);
}

void hak_hardened_unmark(void *block, enum hak_block_kind from, enum hak_block_kind to) {
    struct hak_slab *slab = find(block);
    if (!slab)
        return;
    uint64_t value = read_trailer(slab, block, HAK_FATAL_DOUBLE_FREE);
    if (kind_in(value) == from)
        set_trailer(block, room_of(slab), bytes_in(value), to);
    else if (kind_in(value) != HAK_BY_MALLOC || from == HAK_BY_NEW || from == HAK_BY_ALIGNED_NEW)
        report(HAK_FATAL_WRONG_FREE, slab, block);
}

void hak_hardened_check_size(const void *block, size_t bytes) {
    struct hak_slab *slab = find(block);
    if (slab && bytes_in(read_trailer(slab, block, HAK_FATAL_DOUBLE_FREE)) != bytes)
        report(HAK_FATAL_WRONG_SIZE, slab, block);
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the pool of places for guarded blocks, each 64 KiB between inaccessible pieces of 64 KiB:
 *
 *   | guard | place 0 | guard | place 1 | ... | guard |
 *
 * A place has only as many accessible pages as its block needs, at its start or at its end. Free
 * places queue up, under the heap lock: the one that was freed longest ago is used first. The rest
 * of a block's pages is filled, and looked at when it is freed: an overflow that the pages can't
 * stop, because of the alignment, is told then.
 */
#include "hardening/sampled_guard.h"

#include "base/random.h"
#include "conf/conf.h"
#include "core/lock.h"
#include "os/os_env.h"
#include "os/os_memory.h"
#include "os/os_random.h"
#include "stats/process.h"

#include <string.h>

#define PLACE_BYTES HAK_CLASS_MAX_BYTES
#define STRIDE_BYTES (2 * PLACE_BYTES)
#define FILLER 0xC9

_Static_assert(PLACE_BYTES % HAK_PAGE_MAX_BYTES == 0, "places are whole pages");

struct hak_sampled_guard_pool hak_sampled_guard_pool;

/* The numbers of free places, a ring; the heap lock's. */
static struct {
    uint16_t *number;
    uint32_t first;
    uint32_t count;
} queue;

static bool map_pool(uint32_t slots) {
    struct hak_sampled_guard_pool pool = {.slots = slots};
    size_t slot_bytes = slots * sizeof *pool.slot;
    size_t records = hak_round_up(
        slot_bytes + HAK_SAMPLED_GUARD_REPORT_BYTES + slots * sizeof(uint16_t), HAK_PAGE_MAX_BYTES);
    size_t bytes = slots * STRIDE_BYTES + PLACE_BYTES;
    char *base = hak_os_reserve(bytes + records + HAK_PAGE_MAX_BYTES, HAK_PAGE_MAX_BYTES);
    if (!base)
        return false;
    if (!hak_os_commit(base + bytes, records)) {
        hak_os_unreserve(base, bytes + records + HAK_PAGE_MAX_BYTES);
        return false;
    }
    pool.base = (uintptr_t)base;
    pool.bytes = bytes;
    pool.slot = (struct hak_sampled_guard *)(base + bytes);
    pool.report = base + bytes + slot_bytes;
    queue.number = (uint16_t *)(pool.report + HAK_SAMPLED_GUARD_REPORT_BYTES);
    hak_sampled_guard_pool = pool;
    return true;
}

void hak_sampled_guard_start(void) {
    if (!hak_conf.guard_sample || hak_sampled_guard_is_on() ||
        !map_pool((uint32_t)hak_conf.guard_slots))
        return;
    for (uint32_t i = 0; i < hak_sampled_guard_pool.slots; i++)
        queue.number[queue.count++] = (uint16_t)i;
}

static uintptr_t place_of(const struct hak_sampled_guard *slot) {
    size_t number = (size_t)(slot - hak_sampled_guard_pool.slot);
    return hak_sampled_guard_pool.base + number * STRIDE_BYTES + PLACE_BYTES;
}

static struct hak_sampled_guard *take_slot(void) {
    struct hak_sampled_guard *slot = NULL;
    hak_lock_take(&hak_heap_lock);
    if (queue.count) {
        slot = &hak_sampled_guard_pool.slot[queue.number[queue.first]];
        queue.first = (queue.first + 1) % hak_sampled_guard_pool.slots;
        queue.count--;
        /* relaxed: only this thread has it now */
        atomic_store_explicit(&slot->state, HAK_SAMPLED_GUARD_BUSY, memory_order_relaxed);
    } else {
        hak_process_counters.guarded_misses++;
    }
    hak_lock_release(&hak_heap_lock);
    return slot;
}

static void give_slot(struct hak_sampled_guard *slot) {
    hak_lock_take(&hak_heap_lock);
    uint32_t last = (queue.first + queue.count++) % hak_sampled_guard_pool.slots;
    queue.number[last] = (uint16_t)(slot - hak_sampled_guard_pool.slot);
    hak_lock_release(&hak_heap_lock);
}

void hak_sampled_guard_forget(void) {
    queue.first = queue.count = 0;
}

static void count(int64_t bytes, unsigned allocations, unsigned frees) {
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.guarded_allocations += allocations;
    hak_process_counters.guarded_frees += frees;
    hak_process_counters.guarded_bytes += (uint64_t)bytes;
    hak_lock_release(&hak_heap_lock);
}

static void fill(const struct hak_sampled_guard *slot) {
    size_t before = slot->block - slot->room;
    memset((void *)slot->room, FILLER, before);
    memset((void *)(slot->block + slot->bytes), FILLER, slot->room_bytes - before - slot->bytes);
}

/* A block at the end of its place: an overflow faults at once, or is less than 16 bytes long. At
 * the start: an underflow does. */
static bool lay_out(struct hak_sampled_guard *slot, size_t bytes, bool is_at_end) {
    size_t room_bytes = hak_round_up(bytes, hak_os_page_bytes);
    uintptr_t place = place_of(slot), end = place + PLACE_BYTES;
    uintptr_t room = is_at_end ? end - room_bytes : place;
    if (!hak_os_commit((void *)room, room_bytes))
        return false;
    slot->room = room;
    slot->room_bytes = room_bytes;
    slot->block = is_at_end ? end - hak_round_up(bytes, 16) : place;
    slot->bytes = bytes;
    fill(slot);
    return true;
}

void *hak_sampled_guard_alloc(struct hak_heap *heap, size_t bytes, const void *caller) {
    struct hak_sampled_guard *slot = bytes ? take_slot() : NULL;
    if (!slot)
        return NULL;
    if (!lay_out(slot, bytes, hak_random_next(&heap->sampler.guard_random) >> 63)) {
        give_slot(slot);
        return NULL;
    }
    slot->taken_by = atomic_load_explicit(&heap->thread_id, memory_order_relaxed);
    slot->freed.count = 0;
    hak_os_unwind(&slot->taken, caller);
    count((int64_t)slot->room_bytes, 1, 0);
    /* release pairs with the acquire in begin_free */
    atomic_store_explicit(&slot->state, HAK_SAMPLED_GUARD_LIVE, memory_order_release);
    return (void *)slot->block;
}

/* ---- misuse ---- */

__attribute__((noreturn)) HAK_COLD static void die(const struct hak_sampled_guard *slot,
                                                   enum hak_fatal_code code, const char *verb,
                                                   uintptr_t address, const void *caller) {
    struct hak_stack stack;
    hak_os_unwind(&stack, caller);
    const struct hak_sampled_guard_misuse misuse = {code, verb, address, &stack};
    struct hak_buffer *text = hak_sampled_guard_report(slot, &misuse);
    if (text)
        hak_fatal_end(text);
    hak_fatal(code, (const void *)address, 0, HAK_NO_THREAD);
}

const struct hak_sampled_guard *hak_sampled_guard_near(uintptr_t address) {
    size_t offset = address - hak_sampled_guard_pool.base;
    size_t number = offset / STRIDE_BYTES; /* of the place behind the guard */
    const struct hak_sampled_guard *slots = hak_sampled_guard_pool.slot;
    const struct hak_sampled_guard *after =
        number < hak_sampled_guard_pool.slots ? &slots[number] : NULL;
    const struct hak_sampled_guard *before = number ? &slots[number - 1] : NULL;
    if (after && !after->block)
        after = NULL;
    if (before && !before->block)
        before = NULL;
    if (offset % STRIDE_BYTES >= PLACE_BYTES || !before)
        return after;
    if (!after)
        return before;
    return address - before->block - before->bytes < after->block - address ? before : after;
}

/* The place that a pointer must be the block of. */
static struct hak_sampled_guard *slot_at(const void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    size_t number = (address - hak_sampled_guard_pool.base) / STRIDE_BYTES;
    struct hak_sampled_guard *slot = &hak_sampled_guard_pool.slot[number];
    bool is_place = number < hak_sampled_guard_pool.slots && address >= place_of(slot);
    return is_place && slot->block ? slot : NULL;
}

/* Whether the rest of the block's pages is as it was. */
static void check_filling(const struct hak_sampled_guard *slot, const void *caller) {
    const unsigned char *room = (const unsigned char *)slot->room;
    size_t before = slot->block - slot->room;
    for (size_t i = before + slot->bytes; i < slot->room_bytes; i++)
        if (HAK_UNLIKELY(room[i] != FILLER))
            die(slot, HAK_FATAL_OVERRUN, "earlier write to ", slot->room + i, caller);
    for (size_t i = before; i-- > 0;)
        if (HAK_UNLIKELY(room[i] != FILLER))
            die(slot, HAK_FATAL_UNDERRUN, "earlier write to ", slot->room + i, caller);
}

void hak_sampled_guard_free(void *pointer, const void *caller) {
    struct hak_sampled_guard *slot = slot_at(pointer);
    uint8_t live = HAK_SAMPLED_GUARD_LIVE;
    if (!slot)
        hak_fatal(HAK_FATAL_INVALID_FREE, pointer, 0, HAK_NO_THREAD);
    /* acquire pairs with the release in hak_sampled_guard_alloc */
    if (!atomic_compare_exchange_strong_explicit(&slot->state, &live, HAK_SAMPLED_GUARD_BUSY,
                                                 memory_order_acquire, memory_order_relaxed))
        die(slot, HAK_FATAL_DOUBLE_FREE, "free of ", (uintptr_t)pointer, caller);
    if ((uintptr_t)pointer != slot->block)
        die(slot, HAK_FATAL_INTERIOR_FREE, "free of ", (uintptr_t)pointer, caller);
    check_filling(slot, caller);
    slot->freed_by = hak_os_thread_id();
    hak_os_unwind(&slot->freed, caller);
    hak_os_purge((void *)slot->room, slot->room_bytes);
    hak_os_make_inaccessible((void *)slot->room, slot->room_bytes);
    count(-(int64_t)slot->room_bytes, 0, 1);
    atomic_store_explicit(&slot->state, HAK_SAMPLED_GUARD_FREED, memory_order_release);
    give_slot(slot);
}

size_t hak_sampled_guard_bytes(const void *pointer) {
    const struct hak_sampled_guard *slot = slot_at(pointer);
    if (!slot)
        hak_fatal(HAK_FATAL_INVALID_POINTER, pointer, 0, HAK_NO_THREAD);
    /* acquire pairs with the release in hak_sampled_guard_alloc */
    if (atomic_load_explicit(&slot->state, memory_order_acquire) != HAK_SAMPLED_GUARD_LIVE)
        die(slot, HAK_FATAL_FREED_BLOCK, "use of ", (uintptr_t)pointer, NULL);
    if ((uintptr_t)pointer != slot->block)
        die(slot, HAK_FATAL_INVALID_POINTER, "use of ", (uintptr_t)pointer, NULL);
    return slot->bytes;
}

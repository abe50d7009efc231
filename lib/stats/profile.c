/* SPDX-License-Identifier: MIT */
/*
 * Owns the area of samples. A slot belongs to whoever drew its number. A process that samples every
 * block overwrites no slot that a reader has not read: it waits instead, so that such a profile is
 * exact. Others never wait.
 */
#include "stats/profile.h"

#include "base/probe.h"
#include "os/os_maps.h"
#include "os/os_memory.h"
#include "os/os_share.h"
#include "os/os_stack.h"
#include "os/os_time.h"

#include <string.h>

#define READER_MS 5000u

_Static_assert(HAK_STACK_REGISTERS == HAK_PROFILE_REGISTERS, "as many registers as are taken");

HAK_PROBE_SEMAPHORE(alloc);
HAK_PROBE_SEMAPHORE(free);

void hak_profile_await_reader(void) {
    /* a reader's first act is to put an end to the wish, which it then defers */
    for (unsigned ms = 0; ms < READER_MS; ms++) {
        if (atomic_load_explicit(&hak_stats_control->profile_until_ms, memory_order_relaxed) !=
            UINT64_MAX)
            return;
        hak_os_sleep_ms(1);
    }
}

static void end_if_over(void) {
    uint64_t until_ms =
        atomic_load_explicit(&hak_stats_control->profile_until_ms, memory_order_relaxed);
    if (HAK_UNLIKELY(until_ms != UINT64_MAX && until_ms != 0 && hak_os_now_ms() > until_ms))
        /* a longer wish that has come meanwhile stays */
        atomic_compare_exchange_strong_explicit(&hak_stats_control->profile_until_ms, &until_ms, 0,
                                                memory_order_relaxed, memory_order_relaxed);
}

bool hak_profile_start(void) {
    struct hak_profile_area *area = hak_stats_profile_area();
    if (area)
        return true;
    size_t bytes = sizeof *area + HAK_PAGE_MAX_BYTES;
    area = hak_os_reserve(bytes, HAK_PAGE_MAX_BYTES);
    if (!area)
        return false;
    if (!hak_os_commit(area, bytes) || !hak_stats_profile_use(area))
        hak_os_unreserve(area, bytes);
    return hak_stats_profile_area() != NULL;
}

static void write_maps(struct hak_profile_area *area) {
    atomic_store_explicit(&area->maps_bytes, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release); /* 0 is seen before the text changes */
    size_t length = hak_os_maps_copy(area->maps, sizeof area->maps);
    atomic_store_explicit(&area->maps_bytes, (uint32_t)length, memory_order_release);
}

void hak_profile_note_maps(void) {
    struct hak_profile_area *area = hak_stats_profile_area();
    /* a profile that nobody has begun needs none; nor does a sandbox like to be asked */
    if (area && atomic_load_explicit(&area->taken, memory_order_relaxed) && hak_share_is_allowed())
        write_maps(area);
}

void hak_profile_ask(void) {
    /* relaxed: see hak_profile_is_wanted */
    atomic_store_explicit(&hak_stats_control->profile_until_ms, UINT64_MAX, memory_order_relaxed);
    /* now, not with the first sample: a sandbox may be in force by then, and kills who asks */
    if (hak_profile_start() && hak_share_is_allowed())
        write_maps(hak_stats_profile_area());
}

/*
 * Waits until the reader is so far that slot `number` of a ring is free; not without a reader, who
 * defers the end of its wish as long as it lives. relaxed: a number of the reader's, that orders
 * nothing: a slot is copied before it is said to be read, and what is read twice was changed.
 */
static void await_slot(const _Atomic uint64_t *read, uint64_t number, uint64_t slots) {
    for (;;) {
        uint64_t until_ms =
            atomic_load_explicit(&hak_stats_control->profile_until_ms, memory_order_relaxed);
        uint64_t done = atomic_load_explicit(read, memory_order_relaxed);
        if (number <= slots || done >= number - slots || until_ms == UINT64_MAX ||
            hak_os_now_ms() > until_ms)
            return;
        hak_os_sleep_ms(1);
    }
}

uint32_t hak_profile_add(const void *block, size_t bytes, uint64_t mean_bytes, int thread_id) {
    struct hak_profile_area *area = hak_stats_profile_area();
    uint64_t registers[HAK_STACK_REGISTERS] = {0};
    end_if_over();
    if (!area)
        return 0;
    hak_os_stack_registers(registers);
    uint64_t number = atomic_fetch_add_explicit(&area->taken, 1, memory_order_relaxed) + 1;
    struct hak_profile_sample *sample = &area->slot[(number - 1) % HAK_PROFILE_SLOTS];
    if (HAK_UNLIKELY(mean_bytes <= 1))
        await_slot(&hak_stats_control->samples_read, number, HAK_PROFILE_SLOTS);
    atomic_store_explicit(&sample->number, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release); /* 0 is seen before the rest changes */
    sample->address = (uintptr_t)block;
    sample->bytes = bytes;
    sample->mean_bytes = mean_bytes;
    sample->time_ms = hak_os_now_ms();
    sample->thread_id = thread_id;
    sample->register_count = HAK_STACK_REGISTER_COUNT;
    sample->stack_register = HAK_STACK_POINTER;
    memcpy(sample->registers, registers, sizeof registers);
    sample->stack_bytes = (uint32_t)hak_os_stack_copy(registers[HAK_STACK_POINTER], sample->stack,
                                                      sizeof sample->stack);
    /* release: what was written above is complete */
    atomic_store_explicit(&sample->number, number, memory_order_release);
    return (uint32_t)number;
}

void hak_profile_drop(uint32_t sample, uint64_t mean_bytes) {
    struct hak_profile_area *area = hak_stats_profile_area();
    if (!area)
        return;
    uint64_t number = atomic_fetch_add_explicit(&area->freed, 1, memory_order_relaxed) + 1;
    struct hak_profile_free *slot = &area->free[(number - 1) % HAK_PROFILE_FREES];
    if (HAK_UNLIKELY(mean_bytes <= 1))
        await_slot(&hak_stats_control->frees_read, number, HAK_PROFILE_FREES);
    atomic_store_explicit(&slot->number, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release); /* 0 is seen before the rest changes */
    slot->sample = sample;
    slot->taken = atomic_load_explicit(&area->taken, memory_order_relaxed);
    slot->time_ms = hak_os_now_ms();
    /* release: what was written above is complete */
    atomic_store_explicit(&slot->number, number, memory_order_release);
}

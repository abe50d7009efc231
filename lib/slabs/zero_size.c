/* SPDX-License-Identifier: MIT */
/*
 * Owns the slabs of blocks without bytes. The heap lock protects the records' bits and the list.
 * Invariant: a slab on the list has a free block; a bit of its word is set for each free block; a
 * slab of this kind stays one.
 */
#include "slabs/zero_size.h"

#include "conf/conf.h"
#include "core/hardened.h"
#include "core/lock.h"
#include "front/pressure.h"
#include "os/os_fatal.h"
#include "os/os_memory.h"
#include "pages/run.h"
#include "stats/process.h"

#define HAK_ZERO_SIZE_STEP (HAK_SLAB_BYTES / 64) /* one bit a block in the slab's record */
#define HAK_ZERO_SIZE_MOST_SLABS 16u
#define HAK_ZERO_SIZE_ALLOWANCE 1000u

static struct hak_link slabs_with_room = {&slabs_with_room, &slabs_with_room};
static unsigned slab_count;

/* Slabs side by side are one mapping: they are made more at a time as they get more. */
static bool add_slabs(void) {
    size_t slabs = hak_max(hak_min(slab_count, HAK_ZERO_SIZE_MOST_SLABS), 1);
    struct hak_slab *run = hak_pressure_take_run(slabs, 1);
    if (!run)
        return false;
    void *start = (void *)hak_region_slab_address(run);
    if ((!run->is_zero && !hak_os_purge(start, slabs << HAK_SLAB_SHIFT)) ||
        !hak_os_make_inaccessible(start, slabs << HAK_SLAB_SHIFT)) {
        hak_run_return(run);
        return false;
    }
    hak_lock_take(&hak_heap_lock);
    for (size_t i = 0; i < slabs; i++) {
        struct hak_slab *slab = run + i;
        slab->run_slabs = 1;
        slab->size_class = HAK_CLASS_NONE;
        slab->zero_size_free = ~(uint64_t)0;
        hak_list_push_back(&slabs_with_room, &slab->link);
        /* release pairs with the acquire of whoever looks a pointer up */
        atomic_store_explicit(&slab->state, HAK_SLAB_ZERO_SIZE, memory_order_release);
    }
    slab_count += (unsigned)slabs;
    hak_process_counters.used_bytes -= slabs << HAK_SLAB_SHIFT; /* nobody will */
    hak_lock_release(&hak_heap_lock);
    return true;
}

static void *take_one(void) {
    uintptr_t address = 0;
    hak_lock_take(&hak_heap_lock);
    if (!hak_list_is_empty(&slabs_with_room)) {
        struct hak_slab *slab = hak_container(slabs_with_room.next, struct hak_slab, link);
        unsigned bit = (unsigned)__builtin_ctzll(slab->zero_size_free);
        slab->zero_size_free &= slab->zero_size_free - 1;
        if (slab->zero_size_free == 0)
            hak_list_remove(&slab->link);
        address = hak_region_slab_address(slab) + bit * HAK_ZERO_SIZE_STEP;
        hak_process_counters.zero_size_allocations++;
    }
    hak_lock_release(&hak_heap_lock);
    return (void *)address;
}

void hak_zero_size_forget(void) {
    hak_list_init(&slabs_with_room);
}

uint16_t hak_zero_size_allowance(void) {
    return hak_conf.fences && !hak_hardened.is_on ? HAK_ZERO_SIZE_ALLOWANCE : 0;
}

void *hak_zero_size_alloc(void) {
    for (;;) {
        void *block = take_one();
        if (block)
            return block;
        if (!add_slabs())
            return NULL;
    }
}

static uint64_t bit_of(const void *pointer) {
    return (uint64_t)1 << ((uint16_t)(uintptr_t)pointer / HAK_ZERO_SIZE_STEP);
}

static bool is_start(const void *pointer) {
    return (uintptr_t)pointer % HAK_ZERO_SIZE_STEP == 0;
}

void hak_zero_size_free(struct hak_slab *slab, const void *pointer) {
    if (!is_start(pointer))
        hak_fatal(HAK_FATAL_INTERIOR_FREE, pointer, 0, HAK_NO_THREAD);
    hak_lock_take(&hak_heap_lock);
    bool was_free = (slab->zero_size_free & bit_of(pointer)) != 0;
    if (slab->zero_size_free == 0)
        hak_list_push_front(&slabs_with_room, &slab->link);
    slab->zero_size_free |= bit_of(pointer);
    hak_process_counters.zero_size_frees++;
    hak_lock_release(&hak_heap_lock);
    if (was_free)
        hak_fatal(HAK_FATAL_DOUBLE_FREE, pointer, 0, HAK_NO_THREAD);
}

void hak_zero_size_check(const struct hak_slab *slab, const void *pointer) {
    if (!is_start(pointer))
        hak_fatal(HAK_FATAL_INVALID_POINTER, pointer, 0, HAK_NO_THREAD);
    hak_lock_take(&hak_heap_lock);
    bool is_free = (slab->zero_size_free & bit_of(pointer)) != 0;
    hak_lock_release(&hak_heap_lock);
    if (is_free)
        hak_fatal(HAK_FATAL_FREED_BLOCK, pointer, 0, HAK_NO_THREAD);
}

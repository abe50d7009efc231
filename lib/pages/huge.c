/* SPDX-License-Identifier: MIT */
/*
 * Owns the part of each region in which huge pages are welcome: from its first SuperSlab that was
 * so advised to the last one, at least. The heap lock protects it; the advice is given without.
 */
#include "pages/huge.h"

#include "core/hardened.h"
#include "os/os_fatal.h"
#include "os/os_time.h"
#include "stats/process.h"

#define HAK_HUGE_LEAST_BYTES HAK_MIB(64)
#define HAK_HUGE_MOST_NS 500000u /* of the thread; 512 faults of small pages take less */
#define HAK_HUGE_STEP_SHARE 32u

/* relaxed, both: hints */
static _Atomic bool is_slow;
static _Atomic size_t filled_slabs;

void hak_huge_start(void) {
    hak_os_renewed_is_huge = hak_conf.huge_pages == HAK_HUGE_ALWAYS;
}

void hak_huge_forget(void) {
    uint32_t count = atomic_load_explicit(&hak_region_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++)
        hak_regions[i].huge_from = hak_regions[i].huge_to = 0;
    hak_process_counters.huge_bytes = 0;
}

void hak_huge_note_filled(bool is_filled) {
    if (is_filled)
        atomic_fetch_add_explicit(&filled_slabs, 1, memory_order_relaxed);
    else
        atomic_fetch_sub_explicit(&filled_slabs, 1, memory_order_relaxed);
}

static size_t filled_bytes(void) {
    return atomic_load_explicit(&filled_slabs, memory_order_relaxed) * HAK_SLAB_BYTES;
}

static size_t used_bytes(void) {
    hak_lock_take(&hak_heap_lock);
    size_t bytes = hak_process_counters.used_bytes;
    hak_lock_release(&hak_heap_lock);
    return bytes;
}

/* A growth for a large block isn't: nobody knows whether it will be filled. */
static bool wants_huge(size_t least_slabs) {
    if (hak_conf.huge_pages == HAK_HUGE_AUTO)
        return least_slabs <= HAK_SUPERSLAB_SLABS &&
               !atomic_load_explicit(&is_slow, memory_order_relaxed) &&
               filled_bytes() >= HAK_HUGE_LEAST_BYTES && filled_bytes() >= used_bytes() / 2;
    return hak_conf.huge_pages == HAK_HUGE_ALWAYS;
}

size_t hak_huge_limit_growth(size_t least_slabs, size_t slabs) {
    if (hak_conf.huge_pages != HAK_HUGE_AUTO || !wants_huge(least_slabs))
        return slabs;
    size_t step = filled_bytes() / HAK_HUGE_STEP_SHARE / HAK_SLAB_BYTES;
    return hak_min(slabs, hak_max(step, least_slabs));
}

static void note_place(size_t bytes, bool is_placed) {
    static _Atomic bool is_said;
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.pooled_bytes += is_placed ? bytes : 0;
    hak_process_counters.pool_refusals += !is_placed;
    hak_lock_release(&hak_heap_lock);
    if (is_placed || !hak_conf.log ||
        atomic_exchange_explicit(&is_said, true, memory_order_relaxed))
        return;
    char storage[160];
    struct hak_buffer line;
    hak_buffer_init(&line, storage, sizeof storage);
    hak_put_text(&line, "hakmem: too few free huge pages in the kernel's pool "
                        "(vm.nr_hugepages): normal pages are used");
    hak_log_line(&line);
}

/* Guards and wiping need smaller pages. */
enum hak_placing hak_huge_place(void *start, size_t bytes) {
    if (hak_conf.huge_pages != HAK_HUGE_POOL || hak_hardened.is_on)
        return HAK_PLACE_FAILED;
    enum hak_placing placing = hak_os_place_pooled(start, bytes);
    if (placing != HAK_PLACE_TAKEN)
        note_place(bytes, placing == HAK_PLACED);
    return placing;
}

static void advise(const struct hak_region *region, size_t from, size_t to, bool is_huge) {
    void *start = (void *)(region->base + (from << HAK_SLAB_SHIFT));
    hak_os_advise_huge(start, (to - from) << HAK_SLAB_SHIFT, is_huge);
}

/* Touches the first page, which is the next to be used: it reads as zero. */
static bool is_quick(const struct hak_region *region, size_t index) {
    uint64_t start_ns = hak_os_thread_ns();
    *(volatile char *)(region->base + (index << HAK_SLAB_SHIFT)) = 0;
    if (hak_os_thread_ns() - start_ns <= HAK_HUGE_MOST_NS)
        return true;
    atomic_store_explicit(&is_slow, true, memory_order_relaxed);
    return false;
}

void hak_huge_advise(struct hak_region *region, size_t index, size_t slabs, size_t least_slabs) {
    bool is_huge = wants_huge(least_slabs);
    advise(region, index, index + slabs, is_huge);
    if (is_huge && hak_conf.huge_pages == HAK_HUGE_AUTO && !is_quick(region, index)) {
        advise(region, index, index + slabs, false);
        is_huge = false;
    }
    if (!is_huge)
        return;
    hak_lock_take(&hak_heap_lock);
    bool is_first = region->huge_from == region->huge_to;
    region->huge_from = is_first ? index : hak_min(region->huge_from, index);
    region->huge_to = is_first ? index + slabs : hak_max(region->huge_to, index + slabs);
    hak_process_counters.huge_bytes += slabs << HAK_SLAB_SHIFT;
    hak_lock_release(&hak_heap_lock);
}

void hak_huge_note_purge(const struct hak_slab *run) {
    struct hak_region *region = hak_region_of_slab(run);
    size_t index = (size_t)(run - region->slab);
    hak_lock_take(&hak_heap_lock);
    size_t from = region->huge_from, to = region->huge_to;
    bool is_within =
        hak_conf.huge_pages == HAK_HUGE_AUTO && index + run->run_slabs > from && index < to;
    if (is_within) {
        region->huge_from = region->huge_to = 0;
        hak_process_counters.huge_bytes = 0;
    }
    hak_lock_release(&hak_heap_lock);
    if (is_within)
        advise(region, from, to, false);
}

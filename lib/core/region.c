/* SPDX-License-Identifier: MIT */
/*
 * Owns reserving and committing. Growth: a part of a region is claimed under the heap lock,
 * committed outside it, and only then marked ready, so nobody reads records that aren't there yet.
 * Invariant: a SuperSlab marked ready is committed, and so are its records; no two regions overlap.
 */
#include "core/region.h"

#include "os/os_env.h"
#include "os/os_memory.h"
#include "pages/huge.h"
#include "stats/process.h"

struct hak_region hak_regions[HAK_REGIONS_MAX];
_Atomic uint32_t hak_region_count;

static size_t records_bytes(size_t slabs) {
    return hak_round_up(slabs * sizeof(struct hak_slab), HAK_PAGE_MAX_BYTES);
}

static size_t marks_bytes(size_t slabs) {
    return hak_round_up(slabs / HAK_SUPERSLAB_SLABS, HAK_PAGE_MAX_BYTES);
}

static size_t records_total_bytes(size_t slabs) {
    return records_bytes(slabs) + marks_bytes(slabs) + 3 * HAK_PAGE_MAX_BYTES;
}

/* Records and marks lie in one reservation, with a page that nobody can touch on either side. */
static bool reserve_records(struct hak_region *region) {
    size_t marks = marks_bytes(region->slabs);
    size_t total = records_total_bytes(region->slabs);
    char *start = hak_os_reserve(total, HAK_PAGE_MAX_BYTES);
    if (!start)
        return false;
    if (!hak_os_commit(start + HAK_PAGE_MAX_BYTES, marks)) {
        hak_os_unreserve(start, total);
        return false;
    }
    region->superslab_ready = (_Atomic uint8_t *)(start + HAK_PAGE_MAX_BYTES);
    region->slab = (struct hak_slab *)(start + 2 * HAK_PAGE_MAX_BYTES + marks);
    return true;
}

/* A plan isn't mapped, so the system can't tell that another region lies in it. */
static bool overlaps(const struct hak_region *region) {
    uint32_t count = atomic_load_explicit(&hak_region_count, memory_order_acquire);
    uintptr_t end = region->base + region->slabs * HAK_SLAB_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        const struct hak_region *other = &hak_regions[i];
        if (region->base < other->base + other->slabs * HAK_SLAB_BYTES && other->base < end)
            return true;
    }
    return false;
}

/*
 * The first `least_bytes` are placed at once: they show whether the plan can be kept, and, of a
 * further region, whether the system gives what it is made for. HAK_PLACE_TAKEN: not here.
 */
static enum hak_placing plan_region(struct hak_region *region, size_t bytes, size_t least_bytes) {
    for (int tries = 0; tries < 4; tries++) {
        region->base = hak_os_plan(bytes, HAK_SUPERSLAB_BYTES);
        if (!region->base)
            break;
        if (overlaps(region))
            continue;
        enum hak_placing placing = hak_os_place((void *)region->base, least_bytes);
        region->placed = least_bytes / HAK_SLAB_BYTES;
        if (placing != HAK_PLACE_TAKEN)
            return placing;
    }
    return HAK_PLACE_TAKEN;
}

/* Where nothing can be planned: wherever the system likes, and no longer than it must be. */
static enum hak_placing map_least(struct hak_region *region, size_t least_bytes) {
    region->base = (uintptr_t)hak_os_map(least_bytes, HAK_SUPERSLAB_BYTES);
    region->slabs = region->placed = least_bytes / HAK_SLAB_BYTES;
    return region->base ? HAK_PLACED : HAK_PLACE_FAILED;
}

static enum hak_placing reserve_slabs(struct hak_region *region, size_t bytes) {
    region->base = (uintptr_t)hak_os_reserve(bytes, HAK_SUPERSLAB_BYTES);
    region->placed = 0;
    region->is_reserved = true;
    return region->base ? HAK_PLACED : HAK_PLACE_TAKEN;
}

static void unmap_slabs(const struct hak_region *region) {
    size_t mapped = region->is_reserved ? region->slabs : region->placed;
    hak_os_unreserve((void *)region->base, mapped * HAK_SLAB_BYTES);
}

static void unmake_region(struct hak_region *region) {
    unmap_slabs(region);
    hak_os_unreserve((char *)region->superslab_ready - HAK_PAGE_MAX_BYTES,
                     records_total_bytes(region->slabs));
}

/* The main region; a further one is reserved only if that one is, too: where plans can be kept, a
 * place that fails says that there is no memory. */
static enum hak_placing find_slabs(struct hak_region *region, size_t bytes, size_t least_bytes) {
    bool is_main = region == &hak_regions[0];
    if (!is_main && hak_regions[0].is_reserved)
        return reserve_slabs(region, bytes);
    enum hak_placing placing = plan_region(region, bytes, least_bytes);
    if (is_main && placing != HAK_PLACED)
        return reserve_slabs(region, bytes);
    if (placing == HAK_PLACE_TAKEN && bytes / 2 < least_bytes)
        return map_least(region, least_bytes);
    return placing;
}

/* HAK_PLACE_TAKEN: not so large; HAK_PLACE_FAILED: not even the least. Then nothing is left. */
static enum hak_placing make_region(struct hak_region *region, size_t bytes, size_t least_bytes) {
    *region = (struct hak_region){.slabs = bytes / HAK_SLAB_BYTES};
    enum hak_placing placing = find_slabs(region, bytes, least_bytes);
    if (placing != HAK_PLACED || reserve_records(region))
        return placing;
    unmap_slabs(region);
    return HAK_PLACE_TAKEN;
}

/* Tries `bytes`, then half of it, and so on, but never less than twice `least_bytes`, or `bytes`.
 */
static bool make_shrinking(struct hak_region *region, size_t bytes, size_t least_bytes) {
    for (;;) {
        enum hak_placing placing = make_region(region, bytes, least_bytes);
        if (placing != HAK_PLACE_TAKEN)
            return placing == HAK_PLACED;
        if (bytes / 2 < least_bytes)
            return false;
        bytes = hak_round_up(bytes / 2, HAK_SUPERSLAB_BYTES);
    }
}

/* The machine's memory or more, at least 16 GiB; what RLIMIT_AS allows. */
static size_t main_region_bytes(void) {
    size_t limit = hak_os_address_limit_bytes();
    size_t bytes = hak_max(hak_os_memory_bytes(), HAK_GIB(8));
    bytes = (size_t)1 << (hak_log2_floor(bytes - 1) + 1);
    return hak_min(bytes, limit);
}

bool hak_region_start(size_t wanted_bytes) {
    size_t bytes = wanted_bytes ? wanted_bytes : main_region_bytes();
    bytes = hak_max(hak_round_up(bytes, HAK_SUPERSLAB_BYTES), 2 * HAK_SUPERSLAB_BYTES);
    if (!make_shrinking(&hak_regions[0], bytes, HAK_SUPERSLAB_BYTES))
        return false;
    hak_process_counters.reserved_bytes += hak_regions[0].slabs * HAK_SLAB_BYTES;
    /* release pairs with the acquire in hak_region_of */
    atomic_store_explicit(&hak_region_count, 1, memory_order_release);
    return true;
}

struct hak_region *hak_region_of(uintptr_t address) {
    /* acquire pairs with the release where a region is added */
    uint32_t count = atomic_load_explicit(&hak_region_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++)
        if ((address - hak_regions[i].base) >> HAK_SLAB_SHIFT < hak_regions[i].slabs)
            return &hak_regions[i];
    return NULL;
}

static bool superslab_is_ready(const struct hak_region *region, size_t index) {
    /* acquire pairs with the release in mark_ready: the records are readable */
    return atomic_load_explicit(&region->superslab_ready[index / HAK_SUPERSLAB_SLABS],
                                memory_order_acquire) != 0;
}

struct hak_slab *hak_region_slab_at(const struct hak_region *region, uintptr_t address) {
    size_t index = (address - region->base) >> HAK_SLAB_SHIFT;
    if (index >= region->slabs || !superslab_is_ready(region, index))
        return NULL;
    return &region->slab[index];
}

struct hak_slab *hak_region_slab_slow(uintptr_t address) {
    struct hak_region *region = hak_region_of(address);
    return region ? hak_region_slab_at(region, address) : NULL;
}

struct hak_region *hak_region_of_slab(const struct hak_slab *slab) {
    for (struct hak_region *region = hak_regions;; region++) {
        hak_assert(region < hak_regions + HAK_REGIONS_MAX);
        if (slab >= region->slab && slab < region->slab + region->slabs)
            return region;
    }
}

bool hak_region_is_pooled(const struct hak_slab *slab) {
    const struct hak_region *region = hak_region_of_slab(slab);
    size_t index = (size_t)(slab - region->slab) / HAK_SUPERSLAB_SLABS;
    /* relaxed: who knows the slab has seen it ready */
    return atomic_load_explicit(&region->superslab_ready[index], memory_order_relaxed) ==
           HAK_READY_POOLED;
}

uintptr_t hak_region_slab_address(const struct hak_slab *slab) {
    const struct hak_region *region = hak_region_of_slab(slab);
    return region->base + ((uintptr_t)(slab - region->slab) << HAK_SLAB_SHIFT);
}

/*
 * Growth runs ahead of need by a 256th of what is committed: few calls for a large heap, and little
 * in core dumps that was never used.
 */
static size_t growth_slabs(size_t slabs) {
    hak_lock_take(&hak_heap_lock);
    size_t ahead = hak_min(hak_process_counters.committed_bytes / 256, HAK_MIB(64));
    hak_lock_release(&hak_heap_lock);
    ahead = hak_huge_limit_growth(slabs, ahead / HAK_SLAB_BYTES);
    return hak_round_up(hak_max(slabs, ahead), HAK_SUPERSLAB_SLABS);
}

/* Claims the next part of a region. The heap lock is held. */
static bool claim_locked(struct hak_region *region, size_t least, size_t wanted, size_t *ret_index,
                         size_t *ret_slabs) {
    size_t left = region->slabs - region->top;
    if (left < least)
        return false;
    *ret_index = region->top;
    *ret_slabs = hak_min(wanted, left);
    region->top += *ret_slabs;
    return true;
}

static enum hak_placing commit_slabs(struct hak_region *region, size_t index, size_t slabs,
                                     enum hak_ready *ret_ready) {
    size_t first = hak_max(index, region->placed);
    size_t bytes = (index + slabs - hak_min(first, index + slabs)) << HAK_SLAB_SHIFT;
    void *start = (void *)(region->base + (first << HAK_SLAB_SHIFT));
    if (bytes == 0)
        return HAK_PLACED;
    if (region->is_reserved)
        return hak_os_commit(start, bytes) ? HAK_PLACED : HAK_PLACE_FAILED;
    if (first == index && hak_huge_place(start, bytes) == HAK_PLACED) {
        *ret_ready = HAK_READY_POOLED;
        return HAK_PLACED;
    }
    return hak_os_place(start, bytes);
}

/* What commit_slabs did is undone, as far as it was not done when the region was made. */
static void uncommit_slabs(struct hak_region *region, size_t index, size_t slabs) {
    size_t first = hak_max(index, region->placed);
    if (first >= index + slabs)
        return;
    hak_os_withdraw((void *)(region->base + (first << HAK_SLAB_SHIFT)),
                    (index + slabs - first) << HAK_SLAB_SHIFT, region->is_reserved);
}

/* The slabs first: what the system refuses is refused by one call. Neighbouring parts may share a
 * page of records: committing it twice does no harm. */
static enum hak_placing commit_part(struct hak_region *region, size_t index, size_t slabs,
                                    enum hak_ready *ret_ready) {
    uintptr_t first = hak_round_down((uintptr_t)&region->slab[index], hak_os_page_bytes);
    uintptr_t end = hak_round_up((uintptr_t)&region->slab[index + slabs], hak_os_page_bytes);
    *ret_ready = HAK_READY;
    enum hak_placing placing = commit_slabs(region, index, slabs, ret_ready);
    if (placing != HAK_PLACED || hak_os_commit((void *)first, end - first))
        return placing;
    uncommit_slabs(region, index, slabs);
    return HAK_PLACE_FAILED;
}

static void mark_ready(struct hak_region *region, size_t index, size_t slabs,
                       enum hak_ready ready) {
    for (size_t i = index; i < index + slabs; i += HAK_SUPERSLAB_SLABS)
        /* release pairs with the acquire in superslab_is_ready */
        atomic_store_explicit(&region->superslab_ready[i / HAK_SUPERSLAB_SLABS], (uint8_t)ready,
                              memory_order_release);
}

/* Gives back a claim whose commit failed, if nobody claimed behind it; else it stays unused. */
static void unclaim(struct hak_region *region, size_t index, size_t slabs) {
    hak_lock_take(&hak_heap_lock);
    if (region->top == index + slabs)
        region->top = index;
    hak_lock_release(&hak_heap_lock);
}

static struct hak_slab *finish_growth(struct hak_region *region, size_t index, size_t slabs,
                                      enum hak_ready ready) {
    mark_ready(region, index, slabs, ready);
    hak_lock_take(&hak_heap_lock);
    hak_process_counters.committed_bytes += slabs * HAK_SLAB_BYTES;
    hak_process_counters.metadata_bytes += slabs * sizeof(struct hak_slab);
    hak_lock_release(&hak_heap_lock);
    return &region->slab[index];
}

/* A part of the plan that somebody else has mapped meanwhile stays unused: the next one is tried.
 * *ret_is_refused: the system won't give `least`. */
static struct hak_slab *grow_in(struct hak_region *region, size_t least, size_t *ret_slabs,
                                bool *ret_is_refused) {
    size_t wanted = growth_slabs(least);
    *ret_is_refused = false;
    for (;;) {
        size_t index;
        enum hak_ready ready;
        hak_lock_take(&hak_heap_lock);
        bool claimed = claim_locked(region, least, wanted, &index, ret_slabs);
        hak_lock_release(&hak_heap_lock);
        if (!claimed)
            return NULL;
        enum hak_placing placing = commit_part(region, index, *ret_slabs, &ready);
        if (placing == HAK_PLACED) {
            if (ready != HAK_READY_POOLED)
                hak_huge_advise(region, index, *ret_slabs, least);
            return finish_growth(region, index, *ret_slabs, ready);
        }
        if (placing == HAK_PLACE_FAILED) {
            unclaim(region, index, *ret_slabs);
            *ret_is_refused = *ret_slabs == least;
            if (*ret_is_refused)
                return NULL;
            wanted = least; /* running ahead of need was too much */
        }
    }
}

/* A further region: as large as the main one if that can be had, at least what is needed now. Two
 * threads may have had overlapping plans: then one of them goes without. */
static struct hak_region *add_region(size_t slabs) {
    struct hak_region region;
    size_t least = hak_round_up(slabs, HAK_SUPERSLAB_SLABS) * HAK_SLAB_BYTES;
    size_t wanted = hak_max(least, hak_regions[0].slabs * HAK_SLAB_BYTES);
    if (!make_shrinking(&region, wanted, least))
        return NULL;
    struct hak_region *added = NULL;
    hak_lock_take(&hak_heap_lock);
    uint32_t count = atomic_load_explicit(&hak_region_count, memory_order_relaxed);
    if (count < HAK_REGIONS_MAX && !overlaps(&region)) {
        hak_regions[count] = region;
        added = &hak_regions[count];
        hak_process_counters.reserved_bytes += region.slabs * HAK_SLAB_BYTES;
        /* release pairs with the acquire in hak_region_of */
        atomic_store_explicit(&hak_region_count, count + 1, memory_order_release);
    }
    hak_lock_release(&hak_heap_lock);
    if (!added)
        unmake_region(&region);
    return added;
}

/* Nobody knows what of it will be used, but for a large block: that is what was to be locked. */
static void drop_locked(const struct hak_slab *run, size_t wanted, size_t slabs) {
    size_t kept = wanted > 1 ? wanted : 0;
    if (kept < slabs && !hak_region_is_pooled(run))
        hak_os_drop_locked((void *)hak_region_slab_address(run + kept), (slabs - kept)
                                                                            << HAK_SLAB_SHIFT);
}

static struct hak_slab *grow_anywhere(size_t slabs, size_t *ret_slabs) {
    uint32_t count = atomic_load_explicit(&hak_region_count, memory_order_acquire);
    size_t least = hak_round_up(slabs, HAK_SUPERSLAB_SLABS);
    bool is_refused;
    for (uint32_t i = 0; i < count; i++) {
        struct hak_slab *run = grow_in(&hak_regions[i], least, ret_slabs, &is_refused);
        if (run || is_refused)
            return run; /* what is refused in one place is refused in every other */
    }
    struct hak_region *region = add_region(slabs);
    return region ? grow_in(region, least, ret_slabs, &is_refused) : NULL;
}

struct hak_slab *hak_region_grow(size_t slabs, size_t *ret_slabs) {
    struct hak_slab *run = grow_anywhere(slabs, ret_slabs);
    if (run)
        drop_locked(run, slabs, *ret_slabs);
    return run;
}

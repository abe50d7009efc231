/* SPDX-License-Identifier: MIT */
/*
 * Owns the samplers. Called by the heap's own thread; a drop by whoever frees. Invariant: is_on is
 * true exactly while the heap's tables send every malloc to the slow twin.
 */
#include "large/sample.h"

#include "base/probe.h"
#include "base/random.h"
#include "conf/conf.h"
#include "core/hardened.h"
#include "core/region.h"
#include "hardening/sampled_guard.h"
#include "os/os_random.h"

#define LN_2 0.69314718055994530942
#define LARGEST_GAP 1e15

/* The same program on one thread gets the same samples each time. */
static _Atomic uint64_t seeds;

/* -ln(x), for x in (0, 1]: libm isn't there to be asked. Halves go to 2^n; the rest, in [2/3, 4/3),
 * is ln m = 2 artanh((m - 1) / (m + 1)), whose series is cut where it is below 1e-13. */
static double minus_ln(double x) {
    double halves = 0;
    while (x < 2.0 / 3) {
        x *= 2;
        halves++;
    }
    double z = (x - 1) / (x + 1), square = z * z, sum = 0;
    for (int power = 15; power > 0; power -= 2)
        sum = sum * square + 1.0 / power;
    return halves * LN_2 - 2 * z * sum;
}

int64_t hak_sample_gap(uint64_t *random, uint64_t mean_bytes) {
    if (mean_bytes <= 1)
        return 0;
    double unit = (double)((hak_random_next(random) >> 11) + 1) * 0x1p-53;
    double gap = minus_ln(unit) * (double)mean_bytes;
    return (int64_t)(gap < LARGEST_GAP ? gap : LARGEST_GAP) + 1;
}

/* relaxed: a wish */
static uint64_t mean_bytes(void) {
    uint64_t asked = atomic_load_explicit(&hak_stats_control->sample_mean, memory_order_relaxed);
    return HAK_UNLIKELY(asked) ? asked : hak_conf.sample_mean;
}

static void draw_gap(struct hak_sampler *sampler) {
    sampler->gap_bytes = hak_sample_gap(&sampler->random, mean_bytes());
    sampler->left_bytes = sampler->gap_bytes;
}

void hak_sample_draw_guarded(struct hak_sampler *sampler) {
    sampler->left_blocks = hak_sample_gap(&sampler->guard_random, hak_conf.guard_sample);
}

/* Either everything is small as it is, or nothing is. */
static void show_sizes(struct hak_heap *heap, bool is_profiling) {
    heap->sampler.is_profiling = is_profiling;
    heap->sampler.is_on = is_profiling || hak_sampled_guard_is_on();
    bool is_slow = heap->sampler.is_on || hak_hardened.is_on;
    heap->hot.medium_max_bytes = is_slow ? 0 : HAK_CLASS_MAX_BYTES;
    heap->hot.hardened_bytes = heap->sampler.is_on ? 0 : hak_hardened.plain_bytes;
    heap->hot.is_hardened = hak_hardened.is_on;
    for (size_t bytes = 0; bytes <= HAK_DIRECT_MAX_BYTES; bytes++)
        heap->hot.class_of[bytes] = is_slow ? HAK_CLASS_NONE : (uint8_t)hak_size_class_of(bytes);
    if (hak_hardened.guards || heap->zero_sizes_left)
        heap->hot.class_of[0] = HAK_CLASS_NONE; /* see slabs/zero_size.h */
}

void hak_sample_publish_sizes(struct hak_heap *heap) {
    show_sizes(heap, heap->sampler.is_profiling);
}

void hak_sample_begin(struct hak_heap *heap) {
    struct hak_sampler *sampler = &heap->sampler;
    if (!hak_profile_start())
        return;
    if (sampler->random == 0)
        sampler->random = (atomic_fetch_add_explicit(&seeds, 1, memory_order_relaxed) + 1) << 32;
    draw_gap(sampler);
    show_sizes(heap, true);
}

void hak_sample_end(struct hak_heap *heap) {
    show_sizes(heap, false);
}

/* Not from the program's own sequence: other processes, and the next run, guard other blocks. */
void hak_sample_start(struct hak_heap *heap) {
    heap->sampler.left_blocks = INT64_MAX;
    if (hak_sampled_guard_is_on()) {
        uint64_t salt = atomic_fetch_add_explicit(&seeds, 1, memory_order_relaxed);
        heap->sampler.guard_random = hak_os_random(salt);
        hak_sample_draw_guarded(&heap->sampler);
    }
    show_sizes(heap, false);
}

void hak_sample_record(struct hak_heap *heap, struct hak_slab *slab, size_t bytes) {
    struct hak_sampler *sampler = &heap->sampler;
    const void *block = (const void *)hak_region_slab_address(slab);
    int thread_id = atomic_load_explicit(&heap->thread_id, memory_order_relaxed);
    slab->sample = hak_profile_add(block, bytes, mean_bytes(), thread_id);
    if (HAK_UNLIKELY(hak_probe_alloc_listeners))
        HAK_PROBE3(alloc, block, bytes, sampler->gap_bytes - sampler->left_bytes);
    draw_gap(sampler);
}

void hak_sample_large(struct hak_slab *slab, size_t bytes) {
    struct hak_heap *heap = hak_heap_get();
    if (!heap)
        return;
    hak_sample_follow(heap);
    if (HAK_UNLIKELY(heap->sampler.is_profiling) && hak_sample_is_due(heap, bytes))
        hak_sample_record(heap, slab, bytes);
}

void hak_sample_drop_slow(struct hak_slab *slab, const void *block) {
    hak_profile_drop(slab->sample, mean_bytes());
    slab->sample = 0;
    if (HAK_UNLIKELY(hak_probe_free_listeners))
        HAK_PROBE1(free, block);
}

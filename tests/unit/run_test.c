/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/core/region, run_set and superslab: random taking, giving, shrinking and lengthening
 * of runs against a map of who owns each slab; clean runs read as zero; structures verified; all
 * that is in use is mapped, and nothing that is unmapped. A purge takes no more than it must, and a
 * program in a cycle isn't purged again and again.
 */
#include "conf/conf.h"
#include "os/os_memory.h"
#include "os/os_time.h"
#include "pages/purge.h"
#include "pages/run.h"
#include "pages/run_set.h"
#include "stats/process.h"

#include "unit.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define RANGE_BYTES HAK_MIB(1024)
#define RUNS 200

static struct hak_slab *runs[RUNS];
static uint8_t owner_of[RANGE_BYTES / HAK_SLAB_BYTES];

static struct hak_slab *take_run(size_t slabs, size_t alignment_slabs) {
    struct hak_shortage shortage;
    return hak_run_take(slabs, alignment_slabs, false, &shortage);
}

static size_t index_of(const struct hak_slab *run) {
    return (size_t)(run - hak_regions[0].slab);
}

static void own(const struct hak_slab *run, size_t from, size_t to, uint8_t owner) {
    for (size_t i = from; i < to; i++) {
        CHECK(owner_of[index_of(run) + i] == (owner ? 0 : 1));
        owner_of[index_of(run) + i] = owner;
    }
}

static void check_zero_and_soil(struct hak_slab *run) {
    char *start = (char *)hak_region_slab_address(run);
    size_t bytes = (size_t)run->run_slabs * HAK_SLAB_BYTES;
    for (size_t i = 0; i < bytes; i += 4096) {
        CHECK(!run->is_zero || start[i] == 0);
        start[i] = 1;
    }
}

static void take(unsigned slot, uint64_t *random) {
    size_t slabs = 1 + unit_random(random) % 40;
    size_t alignment = (size_t)1 << unit_random(random) % 5;
    struct hak_slab *run = take_run(slabs, alignment);
    CHECK(run && run->run_slabs == slabs);
    CHECK(hak_region_slab_address(run) % (alignment * HAK_SLAB_BYTES) == 0);
    own(run, 0, slabs, 1);
    check_zero_and_soil(run);
    runs[slot] = run;
}

static void give(unsigned slot) {
    own(runs[slot], 0, runs[slot]->run_slabs, 0);
    hak_run_return(runs[slot]);
    runs[slot] = NULL;
}

static void shrink(unsigned slot, uint64_t *random) {
    size_t old_slabs = runs[slot]->run_slabs;
    size_t slabs = 1 + unit_random(random) % old_slabs;
    if (slabs == old_slabs)
        return;
    own(runs[slot], slabs, old_slabs, 0);
    hak_run_shrink(runs[slot], slabs);
    CHECK(runs[slot]->run_slabs == slabs);
}

static void extend(unsigned slot, uint64_t *random) {
    size_t old_slabs = runs[slot]->run_slabs;
    size_t slabs = old_slabs + 1 + unit_random(random) % 8;
    if (!hak_run_extend(runs[slot], slabs))
        return;
    CHECK(runs[slot]->run_slabs == slabs);
    own(runs[slot], old_slabs, slabs, 1);
}

/* Is it mapped? The call fails where nothing is. */
static bool is_mapped(size_t index) {
    void *start = (void *)(hak_regions[0].base + index * HAK_SLAB_BYTES);
    unsigned char resident[HAK_SLAB_BYTES / 4096];
    return mincore(start, HAK_SLAB_BYTES, resident) == 0;
}

/* What has no address space is in nobody's use. */
static void check_unmapped(void) {
    size_t unmapped_bytes = 0;
    for (size_t i = 0; i < hak_process_counters.committed_bytes / HAK_SLAB_BYTES; i++) {
        CHECK(owner_of[i] == 0 || is_mapped(i));
        unmapped_bytes += is_mapped(i) ? 0 : HAK_SLAB_BYTES;
    }
    CHECK(HAK_FOREIGN_PLACES || unmapped_bytes == hak_process_counters.unmapped_bytes);
}

static void step(uint64_t *random) {
    unsigned slot = (unsigned)(unit_random(random) % RUNS);
    if (!runs[slot])
        take(slot, random);
    else if (unit_random(random) % 4 == 0)
        shrink(slot, random);
    else if (unit_random(random) % 3 == 0)
        extend(slot, random);
    else
        give(slot);
}

static void one_cycle(size_t run_count, size_t slabs) {
    for (size_t i = 0; i < run_count; i++)
        runs[i] = take_run(slabs, 1);
    for (size_t i = 0; i < run_count; i++) {
        hak_run_return(runs[i]);
        runs[i] = NULL;
    }
}

/* Once its knob's share is exceeded, a run is purged down to it and a step further; what is taken
 * and given below it isn't purged. */
static void check_purge_is_cut(void) {
    hak_conf.dirty_min = HAK_MIB(16);
    hak_purge_above(0);
    one_cycle(1, HAK_MIB(64) / HAK_SLAB_BYTES);
    CHECK(hak_process_counters.dirty_bytes == HAK_MIB(14));
    one_cycle(3, HAK_MIB(1) / HAK_SLAB_BYTES);
    CHECK(hak_process_counters.dirty_bytes == HAK_MIB(14));
}

/* A cycle that lasts a second is none: on a busy machine the question is asked again. */
static void check_cycle(void) {
    for (int tries = 0; tries < 100; tries++) {
        uint64_t start_ms = hak_os_now_ms();
        for (int i = 0; i < 4; i++)
            one_cycle(40, HAK_MIB(1) / HAK_SLAB_BYTES);
        uint64_t purges = hak_process_counters.purges;
        for (int i = 0; i < 10; i++)
            one_cycle(40, HAK_MIB(1) / HAK_SLAB_BYTES);
        if (hak_os_now_ms() - start_ms >= 1000)
            continue;
        CHECK(hak_process_counters.purges == purges);
        return;
    }
}

/* More than a second by the library's clock, which stands still between ticks: a virtual machine
 * may have few of them. */
static void pause_a_second(void) {
    const struct timespec nap = {0, 100000000};
    uint64_t start_ms = hak_os_now_ms();
    while (hak_os_now_ms() - start_ms < 1100)
        nanosleep(&nap, NULL);
}

/*
 * What is behind a run's first slabs is given back and unmapped; then the run grows into it again.
 * After a pause: what may be a cycle unmaps nothing.
 */
static void unmap_and_grow(unsigned slot, size_t slabs) {
    size_t whole_slabs = HAK_MIB(48) / HAK_SLAB_BYTES, more_slabs = slabs + 96;
    runs[slot] = take_run(whole_slabs, 1);
    own(runs[slot], 0, whole_slabs, 1);
    pause_a_second();
    size_t unmapped_bytes = hak_process_counters.unmapped_bytes;
    own(runs[slot], slabs, whole_slabs, 0);
    hak_run_shrink(runs[slot], slabs);
    hak_purge_above(0);
    CHECK(hak_process_counters.unmapped_bytes >= unmapped_bytes + HAK_MIB(16));
    check_unmapped();
    CHECK(hak_run_extend(runs[slot], more_slabs));
    own(runs[slot], slabs, more_slabs, 1);
    check_unmapped();
}

/* What is unmapped is mapped again when it is used: by a run that grows, and by those that find
 * nothing else, one after the other. */
static void check_unmapping(void) {
    for (unsigned slot = 0; slot < 3; slot++)
        unmap_and_grow(slot, slot == 1 ? 384 : 64);
    size_t committed_bytes = hak_process_counters.committed_bytes;
    size_t unmapped_bytes = hak_process_counters.unmapped_bytes;
    unsigned slot = 3;
    for (; hak_process_counters.unmapped_bytes == unmapped_bytes && slot < RUNS; slot++) {
        runs[slot] = take_run(HAK_MIB(8) / HAK_SLAB_BYTES, 1);
        own(runs[slot], 0, runs[slot]->run_slabs, 1);
        check_unmapped();
        CHECK(hak_process_counters.committed_bytes == committed_bytes);
    }
    CHECK(hak_process_counters.unmapped_bytes < unmapped_bytes);
    while (slot-- > 0)
        give(slot);
}

/* Candidates of one length: only so many are looked at, and the last of these is found. */
static void check_tries(void) {
    struct hak_run_set set = {{0}, {{NULL, NULL}}};
    struct hak_slab *run = take_run(64 * (HAK_ALIGNED_TRIES + 2), 64);
    struct hak_slab *fit = run + 64, *long_run = run + 3;
    CHECK(run);
    fit->run_slabs = 32;
    hak_run_set_insert(&set, fit);
    CHECK(hak_run_set_find_aligned(&set, 32, 32) == fit);
    for (unsigned i = 1; i <= HAK_ALIGNED_TRIES; i++) { /* the last one in is looked at first */
        struct hak_slab *unfit = run + (i + 1) * 64 - 63;
        unfit->run_slabs = 32;
        hak_run_set_insert(&set, unfit);
        bool is_near = i < HAK_ALIGNED_TRIES;
        CHECK(hak_run_set_find_aligned(&set, 32, 32) == (is_near ? fit : NULL));
        CHECK(hak_run_set_find_aligned(&set, 32, 1) == unfit);
    }
    long_run->run_slabs = 63; /* fits wherever it lies */
    hak_run_set_insert(&set, long_run);
    CHECK(hak_run_set_find_aligned(&set, 32, 32) == long_run);
    hak_run_return(run);
    hak_purge_above(0);
}

/* Aligned runs that are replaced at random lie where others lay, and take no other memory. */
static void check_aligned_holes(uint64_t *random) {
    hak_conf.dirty_min = HAK_MIB(64);
    for (unsigned slot = 0; slot < RUNS; slot++)
        runs[slot] = take_run(32, 32);
    size_t committed_bytes = hak_process_counters.committed_bytes;
    size_t avoided = hak_process_counters.faults_avoided;
    for (int i = 0; i < 2000; i++) {
        unsigned one = (unsigned)(unit_random(random) % RUNS);
        unsigned other = (unsigned)(unit_random(random) % RUNS);
        hak_run_return(runs[one]);
        if (other != one)
            hak_run_return(runs[other]);
        runs[one] = take_run(32, 32);
        avoided += HAK_MIB(2) / hak_os_page_bytes;
        if (other == one)
            continue;
        runs[other] = take_run(32, 32);
        avoided += HAK_MIB(2) / hak_os_page_bytes;
    }
    CHECK(hak_process_counters.committed_bytes == committed_bytes);
    CHECK(hak_process_counters.faults_avoided == avoided);
    hak_run_verify();
    for (unsigned slot = 0; slot < RUNS; slot++) {
        hak_run_return(runs[slot]);
        runs[slot] = NULL;
    }
    hak_purge_above(0);
}

int main(void) {
    uint64_t random = unit_seed();
    hak_os_memory_start();
    CHECK(hak_region_start(RANGE_BYTES));
    hak_run_start();
    check_purge_is_cut();
    check_cycle();
    check_tries();
    check_aligned_holes(&random);
    check_unmapping(); /* before a run was mapped anew: such a one is given back mapped */
    for (int i = 0; i < 20000; i++) {
        hak_conf.dirty_min = i / 5000 % 2 ? HAK_MIB(1) : HAK_MIB(64);
        step(&random);
        if (i % 50 == 0)
            hak_run_verify();
    }
    for (unsigned slot = 0; slot < RUNS; slot++)
        if (runs[slot])
            give(slot);
    CHECK(hak_process_counters.used_bytes == 0);
    hak_purge_above(0);
    CHECK(hak_process_counters.dirty_bytes == 0);
    hak_run_verify();
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/heap/purge: while one thread purges, another one purges what it gives, some of it at
 * a time, and what is left in the end is purged by the first; a thread that has little to purge
 * doesn't do what another one gives meanwhile; a thread that is alone goes down to the bound, then
 * a step with each give to the goal; and when a cycle has ended, steps do away with what it was
 * allowed, but for a second after something was taken. A madvise of the test's own stops the first
 * thread in its first call.
 */
#include "conf/conf.h"
#include "os/os_memory.h"
#include "os/os_time.h"
#include "pages/purge.h"
#include "pages/run.h"
#include "stats/process.h"

#include "unit.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STEP_BYTES HAK_MIB(2)
#define SHARE_BYTES HAK_KIB(512)
#define BOUND_BYTES HAK_MIB(16)
#define RUNS 24

static __thread size_t purged_bytes; /* by this thread, since it was set to 0 */
static __thread bool stops_at_next;
static pthread_barrier_t stopped, helped;

int madvise(void *start, size_t bytes, int advice) {
    if (advice == MADV_DONTNEED && hak_region_of((uintptr_t)start)) { /* no records */
        purged_bytes += bytes;
        if (stops_at_next) {
            stops_at_next = false;
            pthread_barrier_wait(&stopped);
            pthread_barrier_wait(&helped);
        }
    }
    return (int)syscall(SYS_madvise, start, bytes, advice);
}

static struct hak_slab *take(size_t bytes) {
    struct hak_shortage shortage;
    struct hak_slab *run = hak_run_take(bytes >> HAK_SLAB_SHIFT, 1, false, &shortage);
    CHECK(run);
    return run;
}

/* Returns how much this thread purged. */
static size_t give(struct hak_slab *run) {
    purged_bytes = 0;
    hak_run_return(run);
    return purged_bytes;
}

static uint64_t dirty_bytes(void) {
    return hak_process_counters.dirty_bytes;
}

/* Gives a run, is held up in its first purge, and then purges so much. */
struct first {
    struct hak_slab *run;
    size_t least_bytes, most_bytes;
};

static void *be_first(void *place) {
    const struct first *first = place;
    stops_at_next = true;
    size_t bytes = give(first->run);
    CHECK(!stops_at_next && bytes >= first->least_bytes && bytes <= first->most_bytes);
    return NULL;
}

/* More than a second by the library's clock, which stands still between ticks: a virtual machine
 * may have few of them. */
static void pause_a_second(void) {
    const struct timespec nap = {0, 100000000};
    uint64_t start_ms = hak_os_now_ms();
    while (hak_os_now_ms() - start_ms < 1100)
        nanosleep(&nap, NULL);
}

/* What was purged more than a second ago is no part of a cycle. */
static void begin(void) {
    hak_purge_above(0);
    pause_a_second();
}

static void check_second(void) {
    begin();
    struct first first = {take(HAK_MIB(64)), HAK_MIB(48), HAK_MIB(48) + STEP_BYTES + SHARE_BYTES};
    struct hak_slab *runs[RUNS];
    pthread_t thread;
    for (unsigned i = 0; i < RUNS; i++)
        runs[i] = take((1 + i % 8) * HAK_SLAB_BYTES);
    CHECK(pthread_create(&thread, NULL, be_first, &first) == 0);
    pthread_barrier_wait(&stopped);
    size_t given = 0, purged = 0;
    for (unsigned i = 0; i < RUNS; i++) {
        given += (1 + i % 8) * HAK_SLAB_BYTES;
        size_t bytes = give(runs[i]);
        CHECK(bytes < SHARE_BYTES + (1 + i % 8) * HAK_SLAB_BYTES);
        purged += bytes;
        CHECK(purged <= given && purged + SHARE_BYTES > given);
    }
    pthread_barrier_wait(&helped);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(dirty_bytes() <= BOUND_BYTES);
}

static void check_little(void) {
    begin();
    struct hak_slab *full = take(BOUND_BYTES), *much = take(HAK_MIB(64));
    struct first first = {take(HAK_SLAB_BYTES), HAK_SLAB_BYTES, HAK_SLAB_BYTES + STEP_BYTES};
    pthread_t thread;
    CHECK(give(full) == 0);
    CHECK(pthread_create(&thread, NULL, be_first, &first) == 0);
    pthread_barrier_wait(&stopped);
    size_t purged = give(much);
    CHECK(purged >= HAK_MIB(64) && purged <= HAK_MIB(64) + STEP_BYTES);
    pthread_barrier_wait(&helped);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(dirty_bytes() <= BOUND_BYTES);
}

/* A thread alone: the bound at once, the rest by steps, and then nothing. */
static void check_steps(void) {
    begin();
    struct hak_slab *much = take(HAK_MIB(48)), *runs[RUNS];
    for (unsigned i = 0; i < RUNS; i++)
        runs[i] = take(HAK_SLAB_BYTES);
    CHECK(give(much) == HAK_MIB(48) - BOUND_BYTES + STEP_BYTES);
    unsigned i = 0;
    for (; i < RUNS && dirty_bytes() > BOUND_BYTES / 4 * 3; i++)
        CHECK(give(runs[i]) <= STEP_BYTES);
    CHECK(i < RUNS / 2);
    for (; i < RUNS; i++)
        CHECK(give(runs[i]) == 0);
}

/* While somebody is about to purge all, nobody else purges. */
static void check_hold(void) {
    begin();
    struct hak_slab *much = take(HAK_MIB(64)), *more = take(HAK_MIB(32));
    hak_purge_hold();
    hak_purge_hold();
    CHECK(give(much) == 0);
    CHECK(hak_purge_all() == HAK_MIB(64) && dirty_bytes() == 0);
    CHECK(give(more) == 0);
    CHECK(hak_purge_all() == HAK_MIB(32) && dirty_bytes() == 0);
    begin();
    CHECK(give(take(HAK_MIB(64))) >= HAK_MIB(64) - BOUND_BYTES);
}

/* Returns how much was purged. */
static size_t purge_idle(void) {
    purged_bytes = 0;
    hak_purge_idle();
    CHECK(purged_bytes <= STEP_BYTES);
    return purged_bytes;
}

static void pause_until_due(uint64_t begun_ms) {
    CHECK(!hak_purge_is_due() || hak_os_now_ms() - begun_ms >= 1000);
    pause_a_second();
    CHECK(hak_purge_is_due());
}

static void check_idle(void) {
    begin();
    uint64_t begun_ms = 0;
    for (int i = 0; i < 100 && dirty_bytes() < HAK_MIB(64); i++) {
        begun_ms = hak_os_now_ms();
        give(take(HAK_MIB(64)));
    }
    CHECK(dirty_bytes() == HAK_MIB(64));
    pause_until_due(begun_ms);
    CHECK(purge_idle() == STEP_BYTES && hak_purge_is_due());
    begun_ms = hak_os_now_ms();
    struct hak_slab *one = take(HAK_SLAB_BYTES);
    pause_until_due(begun_ms);
    while (hak_purge_is_due())
        CHECK(purge_idle() > 0);
    CHECK(dirty_bytes() == BOUND_BYTES);
    give(one);
}

int main(void) {
    hak_os_memory_start();
    CHECK(hak_region_start(HAK_MIB(1024)));
    hak_run_start();
    pthread_barrier_init(&stopped, NULL, 2);
    pthread_barrier_init(&helped, NULL, 2);
    hak_conf.dirty_percent = 0;
    hak_conf.dirty_min = BOUND_BYTES;
    check_steps();
    check_second();
    check_little();
    check_hold();
    check_idle();
    CHECK(hak_process_counters.used_bytes == 0);
    hak_run_verify();
    return 0;
}

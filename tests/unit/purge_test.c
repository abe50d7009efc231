/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/heap/purge: while one thread purges, another one purges no more than it gives, and
 * what it leaves is purged by the first, also if the bound has fallen since; a thread that is alone
 * goes down to the bound, then a step with each give to the goal. A madvise of the test's own stops
 * the first thread in its first call.
 */
#include "conf/conf.h"
#include "heap/purge.h"
#include "heap/superslab.h"
#include "os/os_memory.h"
#include "stats/process.h"

#include "unit.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STEP_BYTES HAK_MIB(2)
#define BOUND_BYTES HAK_MIB(16)
#define RUNS 24

static __thread size_t purged_bytes; /* by this thread, since it was set to 0 */
static __thread bool stops_at_next;
static pthread_barrier_t stopped, helped;

int madvise(void *start, size_t bytes, int advice) {
    if (advice == MADV_DONTNEED) {
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
    struct hak_slab *run = hak_run_take(bytes >> HAK_SLAB_SHIFT, 1);
    CHECK(run);
    return run;
}

/* Returns how much this thread purged. */
static size_t give(struct hak_slab *run) {
    purged_bytes = 0;
    hak_run_give(run);
    return purged_bytes;
}

static uint64_t dirty_bytes(void) {
    return hak_process_counters.dirty_bytes;
}

static void *purge_much(void *run) {
    stops_at_next = true;
    size_t bytes = give(run);
    CHECK(!stops_at_next && bytes > HAK_MIB(64) - BOUND_BYTES);
    return NULL;
}

/* What was purged more than a second ago is no part of a cycle. */
static void begin(void) {
    const struct timespec pause = {1, 100000000};
    hak_purge_above(0);
    nanosleep(&pause, NULL);
    hak_conf.dirty_min = BOUND_BYTES;
}

static void check_helper(size_t later_bound_bytes) {
    begin();
    struct hak_slab *much = take(HAK_MIB(64)), *runs[RUNS];
    pthread_t thread;
    for (unsigned i = 0; i < RUNS; i++)
        runs[i] = take((1 + i % 8) * HAK_SLAB_BYTES);
    CHECK(pthread_create(&thread, NULL, purge_much, much) == 0);
    pthread_barrier_wait(&stopped);
    hak_conf.dirty_min = later_bound_bytes;
    for (unsigned i = 0; i < RUNS; i++) {
        size_t bytes = give(runs[i]);
        CHECK(bytes > 0 && bytes <= (1 + i % 8) * HAK_SLAB_BYTES);
    }
    CHECK(dirty_bytes() > HAK_MIB(32));
    pthread_barrier_wait(&helped);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(dirty_bytes() <= later_bound_bytes);
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

int main(void) {
    hak_os_memory_start();
    CHECK(hak_range_start(HAK_MIB(1024)));
    hak_superslab_start();
    pthread_barrier_init(&stopped, NULL, 2);
    pthread_barrier_init(&helped, NULL, 2);
    hak_conf.dirty_percent = 0;
    check_steps();
    check_helper(BOUND_BYTES);
    check_helper(HAK_MIB(4));
    CHECK(hak_process_counters.used_bytes == 0);
    hak_superslab_verify();
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Tests of recovery in a fork's child, with the heap lock in a known state: free, held by another
 * thread that has left everything under it in ruins, or held by the forking thread itself. The
 * forks run no handlers: the child finds out by itself, and so does its first new thread.
 */
#include "cache/abandoned.h"
#include "cache/verify.h"
#include "core/lock.h"
#include "front/alloc.h"
#include "front/fork.h"
#include "front/free.h"
#include "front/thread.h"
#include "large/large.h"
#include "pages/free_run.h"
#include "pages/run.h"
#include "report/totals.h"
#include "stats/process.h"

#include "unit.h"

#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 300, LARGE = 300000, GENERATIONS = 4, HANG_SECONDS = 1000 };

static unsigned char *own[BLOCKS], *of_thread[BLOCKS], *of_dead[BLOCKS];
static unsigned char *large[8];
static pthread_barrier_t barrier;

static size_t size_of(int i) {
    return 24 + (size_t)(i % 60) * 37;
}

static void make_blocks(unsigned char **blocks, int tag) {
    for (int i = 0; i < BLOCKS; i++) {
        CHECK((blocks[i] = hak_alloc(size_of(i))));
        memset(blocks[i], tag + i, size_of(i));
    }
}

static void free_blocks(unsigned char **blocks, int tag) {
    for (int i = 0; i < BLOCKS; i++) {
        for (size_t at = 0; at < size_of(i); at++)
            CHECK(blocks[i][at] == (unsigned char)(tag + i));
        hak_free(blocks[i]);
    }
}

static unsigned char *make_large(int tag) {
    bool is_zero;
    unsigned char *block = hak_large_alloc(LARGE, HAK_SLAB_BYTES, &is_zero);
    CHECK(block);
    for (size_t at = 0; is_zero && at < LARGE; at += 512)
        CHECK(block[at] == 0);
    memset(block, tag, LARGE);
    return block;
}

static void free_large(unsigned char *block, int tag) {
    for (size_t at = 0; at < LARGE; at += 511)
        CHECK(block[at] == (unsigned char)tag);
    hak_free(block);
}

/* Whatever can be done with a heap. */
static void use_heap(void) {
    unsigned char *blocks[BLOCKS], *some[8];
    struct hak_totals totals;
    for (int round = 0; round < 3; round++) {
        make_blocks(blocks, 100);
        for (int i = 0; i < 8; i++)
            some[i] = make_large(i);
        for (int i = 0; i < 8; i++)
            free_large(some[i], i);
        free_blocks(blocks, 100);
        hak_heap_trim();
    }
    hak_verify_heap_always(hak_heap_get());
    hak_run_verify();
    hak_totals_sum(&totals);
    CHECK(totals.process.used_bytes < (uint64_t)1 << 40);
    CHECK(totals.process.dirty_bytes < (uint64_t)1 << 40);
    CHECK(totals.process.unmapped_bytes < (uint64_t)1 << 40);
    CHECK(atomic_load(&hak_heap_lock.word) == 0);
}

static void *use_in_thread(void *unused) {
    use_heap();
    return unused;
}

static void begin_thread(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, use_in_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* Whoever follows one of these faults. */
static void ruin_link(struct hak_link *link) {
    link->next = link->previous = (struct hak_link *)(uintptr_t)0xDEAD00000000DEAD;
}

static void ruin_runs(enum hak_slab_state kind) {
    struct hak_slab *run;
    while ((run = hak_free_run_find(kind, 1))) {
        struct hak_slab *last = run + run->run_slabs - 1;
        hak_free_run_leave(run);
        run->run_slabs = last->run_slabs = 0x7FFFFFFF;
        ruin_link(&run->link);
        ruin_link(&run->age);
    }
}

/* The caller holds the lock. */
static void ruin(void) {
    ruin_runs(HAK_SLAB_CLEAN);
    ruin_runs(HAK_SLAB_DIRTY);
    ruin_runs(HAK_SLAB_UNMAPPED);
    hak_process_counters.dirty_bytes = 12345;
    ruin_link(&hak_abandoned_heap->full);
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++)
        ruin_link(&hak_abandoned_heap->bin_state[size_class].partial);
}

static void await(void) {
    pthread_barrier_wait(&barrier);
}

static void *hold_lock(void *does_ruin) {
    hak_lock_take(&hak_heap_lock);
    if (does_ruin)
        ruin();
    await();
    await();
    hak_lock_release(&hak_heap_lock);
    return NULL;
}

static pid_t fork_barely(void) {
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void wait_for(pid_t child) {
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

/* A child of its own, so that what is ruined is so there alone. */
static void in_child(void (*part)(void)) {
    pid_t child = fork();
    if (child == 0) {
        alarm(HANG_SECONDS);
        part();
        _exit(0);
    }
    wait_for(child);
}

static void check_frozen_child(uint32_t stamp) {
    struct hak_heap *frozen = hak_abandoned_heap;
    uint32_t epoch = atomic_load(&hak_fork_epoch);
    free_large(large[0], 1);
    CHECK(hak_fork_stamp == stamp + 1 && atomic_load(&hak_fork_epoch) > epoch);
    CHECK(!hak_fork_epoch_is_behind(hak_heap_get()));
    CHECK(hak_abandoned_heap != frozen && hak_fork_epoch_state(frozen) == HAK_HEAP_FROZEN);
    free_blocks(own, 1);
    free_blocks(of_thread, 2);
    free_blocks(of_dead, 3);
    CHECK(hak_process_counters.heaps == 1);
    large[0] = make_large(1);
    make_blocks(own, 1);
    use_heap();
    begin_thread();
}

/* From generation to generation another thread holds the lock. */
static void lose_lock(int generation) {
    pthread_t thread;
    /* anew: in the parent a thread may have been waiting there */
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, hold_lock, &barrier) == 0);
    await();
    uint32_t stamp = hak_fork_stamp;
    pid_t child = fork_barely();
    if (child == 0) {
        alarm(HANG_SECONDS);
        if (generation % 2)
            begin_thread(); /* it recovers, before this one does anything */
        else
            check_frozen_child(stamp);
        CHECK(hak_fork_stamp == stamp + 1);
        if (generation < GENERATIONS) {
            make_blocks(of_thread, 2);
            make_blocks(of_dead, 3);
            lose_lock(generation + 1);
        }
        _exit(0);
    }
    wait_for(child);
}

static void check_lost(void) {
    lose_lock(0);
}

static void check_lost_by_new_thread(void) {
    lose_lock(1);
}

/* A signal handler would fork so. */
static void check_mine(void) {
    uint32_t stamp = hak_fork_stamp;
    hak_lock_take(&hak_heap_lock);
    pid_t child = fork_barely();
    if (child == 0)
        alarm(HANG_SECONDS);
    CHECK(hak_lock_is_mine(&hak_heap_lock));
    if (child == 0)
        hak_os_fork_look();
    CHECK(hak_lock_is_mine(&hak_heap_lock));
    hak_lock_release(&hak_heap_lock);
    CHECK(hak_fork_stamp == stamp);
    use_heap();
    free_blocks(of_thread, 2);
    free_blocks(of_dead, 3);
    if (child == 0)
        _exit(0);
    wait_for(child);
}

/* Nobody holds it: what was free is used again, and blocks of absent threads come back. */
static void check_free(void) {
    uint32_t stamp = hak_fork_stamp;
    struct hak_heap *abandoned = hak_abandoned_heap;
    uint64_t committed_bytes = hak_process_counters.committed_bytes;
    use_heap();
    CHECK(hak_fork_stamp == stamp && hak_abandoned_heap == abandoned);
    free_blocks(of_thread, 2);
    free_blocks(of_dead, 3);
    free_blocks(own, 1);
    use_heap();
    CHECK(hak_process_counters.committed_bytes == committed_bytes);
}

static struct hak_heap *busy_heap;

/* A heap whose thread was in a slow path: its blocks are lost, and nothing else. */
static void check_busy(void) {
    CHECK(hak_fork_epoch_state(busy_heap) == HAK_HEAP_LIVE); /* nobody has looked yet */
    hak_os_fork_look();
    CHECK(hak_fork_epoch_state(busy_heap) == HAK_HEAP_FROZEN);
    ruin_link(&busy_heap->full);
    for (unsigned size_class = 1; size_class < HAK_CLASS_COUNT; size_class++)
        ruin_link(&busy_heap->bin_state[size_class].partial);
    free_blocks(of_thread, 2);
    use_heap();
}

static void check_idle(void) {
    hak_os_fork_look();
    CHECK(hak_fork_epoch_state(busy_heap) == HAK_HEAP_FORKED);
    free_blocks(of_thread, 2);
    use_heap();
    CHECK(hak_fork_epoch_state(hak_heap_get()) == HAK_HEAP_LIVE);
}

static void *be_idle_and_busy(void *unused) {
    make_blocks(of_thread, 2);
    busy_heap = hak_heap_get();
    await();
    await();
    hak_heap_enter(busy_heap);
    await();
    await();
    hak_heap_leave(busy_heap);
    return unused;
}

static void *make_and_die(void *unused) {
    make_blocks(of_dead, 3);
    return unused;
}

/* Dirty and clean runs, for the lock to protect. */
static void make_free_runs(void) {
    for (int i = 0; i < 8; i++)
        large[i] = make_large(i + 1);
    for (int i = 1; i < 8; i += 2)
        free_large(large[i], i + 1);
}

static void on_stack(void *(*part)(void *), pthread_t *thread) {
    static char stack[1 << 18] __attribute__((aligned(64)));
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstack(&attributes, stack, sizeof stack) == 0);
    CHECK(pthread_create(thread, &attributes, part, NULL) == 0);
}

static void *make_and_stay(void *unused) {
    make_blocks(of_thread, 2);
    busy_heap = hak_heap_get();
    await();
    await();
    return unused;
}

static void *begin_on_same_stack(void *unused) {
    CHECK(hak_thread_pointer() == atomic_load(&busy_heap->thread_pointer));
    use_heap();
    CHECK(hak_heap_get() != busy_heap);
    free_blocks(of_thread, 2);
    return unused;
}

/* The process's first heap is that of a thread whose stack, and with it all that tells threads
 * apart, the child's first thread has. */
static void check_same_stack(void) {
    pthread_t thread;
    on_stack(make_and_stay, &thread);
    await();
    pid_t child = fork();
    if (child == 0) {
        on_stack(begin_on_same_stack, &thread);
        CHECK(pthread_join(thread, NULL) == 0);
        use_heap();
        _exit(0);
    }
    wait_for(child);
    await();
    CHECK(pthread_join(thread, NULL) == 0);
}

int main(void) {
    pthread_t thread;
    alarm(HANG_SECONDS);
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    in_child(check_same_stack); /* before this process has a heap */
    make_blocks(own, 1);
    make_free_runs();
    CHECK(pthread_create(&thread, NULL, make_and_die, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, be_idle_and_busy, NULL) == 0);
    await();
    use_heap(); /* from now on there is memory enough */
    in_child(check_idle);
    in_child(check_free);
    in_child(check_mine);
    in_child(check_lost);
    in_child(check_lost_by_new_thread);
    await();
    await();
    in_child(check_busy);
    await();
    CHECK(pthread_join(thread, NULL) == 0);
    use_heap();
    return 0;
}

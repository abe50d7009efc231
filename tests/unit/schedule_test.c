/* SPDX-License-Identifier: MIT */
/*
 * Tests of the protocols between threads by enumeration: the library's own code, compiled anew with
 * a point at every atomic operation, under every schedule of up to so many switches (SWITCHES=
 * changes how many). In the end nothing is lost, nothing is given out twice, and every content is
 * as it was written.
 */
#include "cache/abandoned.h"
#include "cache/overflow.h"
#include "cache/remote.h"
#include "cache/verify.h"
#include "conf/conf.h"
#include "core/lock.h"
#include "front/alloc.h"
#include "front/free.h"
#include "front/thread.h"
#include "large/large.h"
#include "pages/purge.h"
#include "pages/run.h"
#include "report/totals.h"
#include "stats/process.h"

#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#undef CHECK
#define CHECK(condition) schedule_check(condition, __LINE__, #condition)

enum { HALF_SLAB = 32768, BLOCKS = 4, LARGE = 3 * 65536 };

static unsigned char *block[BLOCKS];
static struct hak_heap *owner;
static size_t used_before;

static void fill(unsigned char *bytes, int tag) {
    memset(bytes, tag, 256);
    memset(bytes + HALF_SLAB - 256, tag, 256);
}

static void check_content(const unsigned char *bytes, int tag) {
    for (int i = 0; i < 256; i++)
        CHECK(bytes[i] == tag && bytes[HALF_SLAB - 256 + i] == tag);
}

static unsigned char *make(int tag) {
    unsigned char *bytes = hak_alloc(HALF_SLAB);
    CHECK(bytes);
    fill(bytes, tag);
    return bytes;
}

static void unmake(unsigned char *bytes, int tag) {
    check_content(bytes, tag);
    hak_free(bytes);
}

static void flush(void) {
    hak_remote_flush(hak_heap_get());
}

/* Each thread has a heap before the schedule begins; the first one makes the blocks, two a slab. */
static void prepare_blocks(int thread) {
    hak_free(hak_alloc(16));
    if (thread != 0)
        return;
    hak_heap_trim();
    used_before = hak_process_counters.used_bytes;
    owner = hak_heap_get();
    for (int i = 0; i < BLOCKS; i++)
        block[i] = make(i + 1);
}

/* Nobody would look into the inbox of a thread that is gone. */
static void check_dead_inboxes(void) {
    for (struct hak_heap *heap = hak_first_heap; heap; heap = heap->next_heap)
        if (atomic_load(&heap->state) == HAK_HEAP_DEAD)
            CHECK(!atomic_load(&heap->inbox) && !atomic_load(&heap->arrivals) && !heap->unsorted);
}

static void check_all_back(void) {
    check_dead_inboxes();
    hak_heap_trim();
    hak_run_verify();
    CHECK(hak_process_counters.used_bytes <= used_before);
}

/* outbox -> inbox, and the owner's exit: frees of both blocks of a slab meet it. */
static void exit_part(int thread) {
    if (thread == 0)
        return;
    unmake(block[thread - 1], thread);
    flush();
}

static void check_exit(void) {
    unmake(block[2], 3);
    unmake(block[3], 4);
    check_all_back();
}

/* Two threads reclaim abandoned slabs while a block of them is freed. */
static void reclaim_part(int thread) {
    if (thread == 0)
        return;
    if (thread == 1) {
        unmake(block[0], 1);
        flush();
    }
    unsigned char *one = make(10 + thread), *other = make(20 + thread);
    check_content(block[1], 2);
    unmake(one, 10 + thread);
    unmake(other, 20 + thread);
}

static void check_reclaim(void) {
    unmake(block[1], 2);
    check_exit();
}

/* Parked blocks: the owner comes, or ends, while others relieve it and purge what is all parked. */
static void stalled_part(int thread) {
    if (thread == 0) {
        unsigned char *one = make(11);
        unmake(block[2], 3);
        check_content(block[3], 4);
        unmake(one, 11);
        return;
    }
    unmake(block[thread - 1], thread);
    flush();
    hak_overflow_relieve(owner);
}

static void check_stalled(void) {
    unmake(block[3], 4);
    check_all_back();
}

/* All blocks of a slab are parked by one thread; the owner takes new ones of the class meanwhile.
 */
static void parked_part(int thread) {
    if (thread == 1) {
        unmake(block[0], 1);
        unmake(block[1], 2);
        flush();
        hak_overflow_relieve(owner);
        return;
    }
    unsigned char *one = make(11), *other = make(12), *third = make(13);
    unmake(one, 11);
    unmake(other, 12);
    unmake(third, 13);
}

/* The owner looks once while others free and purge, and at the end finds all that was parked. */
static void owner_part(int thread) {
    if (thread == 0) {
        unmake(make(11), 11);
        schedule_wait_for_others();
        hak_heap_trim();
        CHECK(hak_process_counters.used_bytes <= used_before);
        return;
    }
    unmake(block[thread - 1], thread);
    unmake(block[thread + 1], thread + 2);
    flush();
    hak_overflow_relieve(owner);
}

/* The owner takes one block at a time, and leaves arrivals, which others sort meanwhile; then it
 * ends with what came since. */
static void arrivals_part(int thread) {
    if (thread == 0) {
        for (int i = 0; i < 3; i++)
            hak_remote_drain(owner, 1);
        unmake(make(11), 11);
        return;
    }
    unmake(block[thread - 1], thread);
    unmake(block[thread + 1], thread + 2);
    flush();
    hak_overflow_relieve(owner);
}

/* Runs go to the system while others want them: what is called zero is zero. */
static void prepare_runs(int thread) {
    hak_free(hak_alloc(16));
    if (thread == 0) {
        hak_heap_trim();
        used_before = hak_process_counters.used_bytes;
        block[0] = hak_large_alloc(LARGE, 65536, NULL);
        memset(block[0], 1, LARGE);
    }
}

static void take_run(int tag) {
    bool is_zero;
    unsigned char *bytes = hak_large_alloc(LARGE, 65536, &is_zero);
    CHECK(bytes);
    for (size_t i = 0; is_zero && i < LARGE; i += 4096)
        CHECK(bytes[i] == 0);
    for (size_t i = 0; i < LARGE; i += 4096)
        bytes[i] = (unsigned char)tag;
    schedule_point();
    for (size_t i = 0; i < LARGE; i += 4096)
        CHECK(bytes[i] == tag);
    hak_free(bytes);
}

static void purge_part(int thread) {
    if (thread == 0) {
        hak_free(block[0]);
        hak_purge_hold();
        hak_purge_all();
    } else if (thread == 1) {
        take_run(11);
    } else {
        hak_purge_hold();
        hak_purge_all();
        take_run(12);
    }
}

/* A run is given and one taken, while a third thread finds that a cycle has ended. */
static void prepare_idle(int thread) {
    hak_conf.dirty_min = 0;
    hak_conf.dirty_percent = 0;
    prepare_runs(thread);
}

static void idle_part(int thread) {
    if (thread == 0)
        hak_free(block[0]);
    else if (thread == 1)
        take_run(11);
    else
        hak_purge_idle();
}

/* The lock: one thread at a time, and nobody sleeps for ever. */
static int inside;

static void lock_part(int thread) {
    (void)thread;
    hak_lock_take(&hak_heap_lock);
    CHECK(inside == 0);
    inside = 1;
    schedule_point();
    inside = 0;
    hak_lock_release(&hak_heap_lock);
}

static void check_lock(void) {
    CHECK(inside == 0);
    CHECK(atomic_load(&hak_heap_lock.word) == 0);
}

/* A thread's counts move to the exited threads' row: a sum never falls, nor counts them twice. */
static uint64_t count_start;
static unsigned class_seen;

static uint64_t allocations_now(void) {
    static struct hak_totals totals;
    hak_totals_sum(&totals);
    return totals.threads.allocations[class_seen];
}

static void prepare_counts(int thread) {
    prepare_blocks(thread);
    class_seen = hak_size_class_of(HALF_SLAB);
    count_start = allocations_now();
}

static void count_part(int thread) {
    if (thread == 1) {
        uint64_t one = allocations_now(), other = allocations_now();
        CHECK(one >= count_start && other >= one && other <= count_start + 1);
    } else {
        unmake(make(11), 11);
    }
}

static void check_counts(void) {
    CHECK(allocations_now() == count_start + 1);
    unmake(block[0], 1);
    unmake(block[1], 2);
    check_exit();
}

/*
 * fork, wherever the others stand: a thread that takes runs, gives them back and has its inbox
 * filled; one that frees its blocks, and exits. The child frees what they had not freed, finds
 * every content as it was, and does all that one can with a heap.
 */
static unsigned char *volatile left[BLOCKS];

static void prepare_fork(int thread) {
    hak_conf.dirty_min = 0;
    hak_conf.dirty_percent = 0;
    prepare_blocks(thread);
    if (thread == 0)
        for (int i = 0; i < BLOCKS; i++)
            left[i] = block[i];
}

/* A block that the child sees here is not freed yet. */
static void unmake_left(int i) {
    unsigned char *bytes = left[i];
    left[i] = NULL;
    if (bytes)
        unmake(bytes, i + 1);
}

static void use_everything(void) {
    unsigned char *made[BLOCKS];
    struct hak_totals totals;
    for (int i = 0; i < BLOCKS; i++) {
        unmake_left(i);
        made[i] = make(30 + i);
    }
    take_run(31);
    for (int i = 0; i < BLOCKS; i++)
        unmake(made[i], 30 + i);
    flush();
    hak_overflow_relieve(owner);
    hak_heap_trim();
    take_run(32);
    hak_verify_heap_always(hak_heap_get());
    hak_run_verify();
    hak_totals_sum(&totals);
    CHECK(totals.process.used_bytes < (uint64_t)1 << 40);
    CHECK(totals.process.dirty_bytes < (uint64_t)1 << 40);
}

static void *use_in_thread(void *unused) {
    use_everything();
    return unused;
}

/* Every other child begins with a thread, which comes to the heap first. */
static void be_child(void) {
    static pthread_t thread;
    schedule_leave();
    if (getpid() % 2) {
        CHECK(pthread_create(&thread, NULL, use_in_thread, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    use_everything();
    pid_t child = fork();
    if (child == 0) {
        use_everything();
        _exit(0);
    }
    int status = 1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    _exit(0);
}

static void fork_part(int thread) {
    if (thread == 0) {
        take_run(11);
        unmake_left(0);
        unmake(make(12), 12);
        hak_heap_trim();
    } else if (thread == 1) {
        unmake_left(1);
        unmake_left(2);
        flush();
        hak_overflow_relieve(owner);
        unmake_left(3);
    } else {
        pid_t child = fork();
        if (child == 0)
            be_child();
        int status = 1;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
}

/* One thread runs at a time: handing over to one on another processor takes far longer. */
static void stay_on_one_processor(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
}

int main(void) {
    struct schedule_scenario scenarios[] = {
        {"exit", 3, 2, prepare_blocks, exit_part, check_exit},
        {"reclaim", 3, 1, prepare_blocks, reclaim_part, check_reclaim},
        {"stalled", 3, 1, prepare_blocks, stalled_part, check_stalled},
        {"parked", 2, 1, prepare_blocks, parked_part, check_exit},
        {"owner", 3, 1, prepare_blocks, owner_part, check_all_back},
        {"arrivals", 3, 1, prepare_blocks, arrivals_part, check_all_back},
        {"purge", 3, 1, prepare_runs, purge_part, check_all_back},
        {"lock", 3, 2, NULL, lock_part, check_lock},
        {"counts", 2, 2, prepare_counts, count_part, check_counts},
        {"idle", 3, 1, prepare_idle, idle_part, check_all_back},
        {"fork", 3, 1, prepare_fork, fork_part, check_all_back},
    };
    stay_on_one_processor();
    const char *switches = getenv("SWITCHES"), *only = getenv("ONLY");
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        if (switches)
            scenarios[i].switches = atoi(switches);
        /* ThreadSanitizer knows no threads of a fork's child. */
        bool is_possible = !HAK_THREAD_SANITIZER || scenarios[i].part != fork_part;
        if (is_possible && (!only || strcmp(only, scenarios[i].name) == 0))
            schedule_run(&scenarios[i]);
    }
    return 0;
}

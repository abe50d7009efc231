/* SPDX-License-Identifier: MIT */
/*
 * A request that cannot be served leaves the address space as it was, costs a few system calls and
 * flushes no cache, in one thread and in many at once. What was freed counts against no limit of
 * the process any more. A huge block of which little was touched costs little when it is freed.
 */
#include "check.h"
#include "system.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

enum { THREADS = 30, ROUNDS = 20, MOST = 4096, CALLS = 3 };

static atomic_int calls, advices;

static bool must_fail(enum system_call call) {
    atomic_fetch_add(&calls, 1);
    if (call == MADVISE)
        atomic_fetch_add(&advices, 1);
    return false;
}

static void be_refused(size_t bytes) {
    errno = 0;
    CHECK(check_keep(malloc(check_size(bytes))) == NULL && errno == ENOMEM);
}

/* Sizes beyond the memory of a machine, and beyond the address space. */
static void check_hopeless(void) {
    free(check_keep(malloc(1000)));
    be_refused((size_t)1 << 44); /* whatever is done once is done */
    size_t address_bytes = check_address_bytes();
    for (int shift = 44; shift <= 46; shift++) {
        int before = atomic_load(&calls);
        be_refused((size_t)1 << shift);
        CHECK(atomic_load(&calls) - before <= CALLS);
    }
    for (size_t i = 0; i < 200; i++)
        be_refused(((size_t)1 << 45) - i * 2 * MIB);
    CHECK(check_address_bytes() == address_bytes);
}

/* The largest piece of the address space is the program's own to map, as without us. */
static void check_room(void) {
    size_t bytes = (size_t)1 << 46;
    void *own = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(own != MAP_FAILED && munmap(own, bytes) == 0);
}

static void *be_refused_often(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        void *block = check_keep(malloc(1000));
        CHECK(block);
        be_refused((size_t)1 << 45);
        free(block);
    }
    return unused;
}

/* No thread purges or flushes for another one's request. */
static void check_threads(void) {
    pthread_t threads[THREADS];
    int before = atomic_load(&calls), advices_before = atomic_load(&advices);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, be_refused_often, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    /* A thread's heap and slabs take some calls, too. */
    CHECK(atomic_load(&calls) - before <= THREADS * (ROUNDS * CALLS + 30));
    CHECK(atomic_load(&advices) - advices_before <= THREADS * 10);
}

static void check_sparse(void) {
    volatile char *block = malloc(16 * GIB);
    if (!block)
        return; /* strict overcommit */
    block[0] = 1;
    size_t resident_bytes = check_resident_bytes();
    int before = atomic_load(&calls);
    free((void *)block);
    CHECK(atomic_load(&calls) - before <= 200);
    CHECK(check_resident_bytes() <= resident_bytes + MIB / 2);
}

static int fill(void **blocks) {
    int count = 0;
    while (count < MOST && (blocks[count] = check_keep(malloc(MIB))) != NULL)
        count++;
    for (int i = 0; i < count; i++)
        free(blocks[i]);
    return count;
}

static rlim_t limit(__rlimit_resource_t resource, rlim_t bytes) {
    struct rlimit limits;
    CHECK(getrlimit(resource, &limits) == 0);
    rlim_t old = limits.rlim_cur;
    limits.rlim_cur = bytes;
    CHECK(setrlimit(resource, &limits) == 0);
    return old;
}

/* Refusals take nothing of what a limit leaves; what was freed is the program's, by mmap as well.
 */
static void check_limit(__rlimit_resource_t resource) {
    static void *blocks[MOST];
    void *used = check_keep(malloc(300 * MIB));
    CHECK(used);
    rlim_t old = limit(resource, check_address_bytes() + 700 * MIB);
    int count = fill(blocks);
    CHECK(count >= 600);
    for (int i = 0; i < 100; i++)
        be_refused(4 * GIB);
    CHECK(fill(blocks) >= count - 8);
    void *own = mmap(NULL, 640 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(own != MAP_FAILED && munmap(own, 640 * MIB) == 0);
    limit(resource, old);
    free(used);
}

int main(void) {
    if (check_is_sampled())
        SKIP("sampled blocks are large ones");
    if (check_setting("HAKMEM_RESERVE", 0))
        SKIP("address space is there");
    check_hopeless();
    check_room();
    check_threads();
    check_sparse();
    check_limit(RLIMIT_AS);
    return 0;
}

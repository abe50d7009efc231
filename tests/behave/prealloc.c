/* SPDX-License-Identifier: MIT */
/*
 * With HAKMEM_PREALLOC, a program that stays within it causes no page fault by allocating, also in
 * a thread of its own and after mlockall. The program runs itself again with the knob.
 */
#include "check.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { MIB = 1 << 20, SLOTS = 2000, ROUNDS = 60000 };

static void *slots[SLOTS]; /* zero pages, until they are written */

static long faults(void) {
    struct rusage usage;
    CHECK(getrusage(RUSAGE_THREAD, &usage) == 0);
    return usage.ru_minflt + usage.ru_majflt;
}

static size_t random_size(uint64_t *random) {
    uint64_t number = check_random(random);
    if (number % 500 == 0)
        return 100000 + number % 700000;
    return number % 50 == 0 ? number % 30000 : number % 1000;
}

/* About 4 MiB live, every byte written. */
static void work(int rounds) {
    uint64_t random = 4711;
    for (int i = 0; i < rounds; i++) {
        void **slot = &slots[check_random(&random) % SLOTS];
        size_t bytes = random_size(&random);
        free(*slot);
        *slot = memset(check_keep(malloc(bytes)), 1, bytes);
    }
    for (int i = 0; i < SLOTS; i++) {
        free(slots[i]);
        slots[i] = NULL;
    }
}

static void *work_in_thread(void *unused) {
    long before;
    char stack[8192];
    memset(check_keep(stack), 0, sizeof stack);
    free(check_keep(malloc(1))); /* makes the thread's heap, whose pages aren't all counted */
    before = faults();
    work(ROUNDS);
    CHECK(faults() == before);
    return unused;
}

int main(int argc, char **argv) {
    pthread_t thread;
    if (check_is_sampled())
        SKIP("sampled blocks take more memory");
    (void)argc;
    if (!getenv("CHECK_PREALLOC")) {
        setenv("CHECK_PREALLOC", "1", 1);
        setenv("HAKMEM_PREALLOC", "256m", 1);
        execv("/proc/self/exe", argv);
        return 1;
    }
    memset(check_keep(slots), 0, sizeof slots);
    work(ROUNDS / 30); /* brings the pages of code in */
    long before = faults();
    work(ROUNDS);
    CHECK(faults() == before);
    CHECK(pthread_create(&thread, NULL, work_in_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return 0;
    before = faults();
    work(ROUNDS);
    CHECK(faults() == before);
    return 0;
}

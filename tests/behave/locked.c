/* SPDX-License-Identifier: MIT */
/*
 * After mlockall, memory becomes resident as it is used, and no longer than that: with threads that
 * use little, and after a burst. With MCL_ONFAULT, and without, where the kernel brings in all that
 * is mapped. The program runs itself again for each.
 */
#include "check.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

enum { KIB = 1024, MIB = 1024 * KIB, THREADS = 32, BLOCKS = 20000, STACK_BYTES = 64 * KIB };

static pthread_barrier_t turn;

static void *use_little(void *unused) {
    void *blocks[50];
    for (size_t i = 0; i < 50; i++)
        blocks[i] = malloc(100 + i);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    for (size_t i = 0; i < 50; i++)
        free(blocks[i]);
    return unused;
}

static size_t resident_bytes(void) {
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file && fscanf(file, "%*s %zu", &pages) == 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Locked pages can be given back from Linux 5.18 on. */
static bool can_drop(void) {
    char *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    bool done = madvise(page, 65536, 24) == 0;
    munmap(page, 65536);
    return done;
}

static void burst(void) {
    static char *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(3000 + i % 2000);
        CHECK(blocks[i]);
        memset(blocks[i], 1, 3000);
    }
    char *large = memset(check_keep(malloc((size_t)50 * MIB)), 1, (size_t)50 * MIB);
    for (size_t i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    free(large);
    char *zero = calloc(1, (size_t)30 * MIB);
    CHECK(zero && check_zero(zero, (size_t)30 * MIB));
    free(zero);
}

static void be_locked(int flags) {
    pthread_t threads[THREADS];
    pthread_attr_t attributes;
    if (mlockall(MCL_CURRENT | MCL_FUTURE | flags) != 0)
        SKIP("memory can't be locked");
    if (!can_drop())
        SKIP("the kernel takes no locked pages back");
    burst();
    size_t start_bytes = resident_bytes();
    CHECK(pthread_barrier_init(&turn, NULL, THREADS + 1) == 0);
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], &attributes, use_little, NULL) == 0);
    pthread_barrier_wait(&turn);
    size_t bytes = resident_bytes();
    CHECK(bytes <= start_bytes + THREADS * (STACK_BYTES + 64 * KIB));
    burst();
    CHECK(resident_bytes() <= bytes + 2 * MIB);
    pthread_barrier_wait(&turn);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(resident_bytes() <= bytes + 2 * MIB);
}

static int run_with(const char *flags, char **argv) {
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setenv("CHECK_FLAGS", flags, 1);
        execv("/proc/self/exe", argv);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

int main(int argc, char **argv) {
    (void)argc;
    if (check_is_sampled())
        SKIP("sampled blocks take more memory");
    if (getenv("CHECK_FLAGS")) {
        be_locked((int)check_setting("CHECK_FLAGS", 0));
        return 0;
    }
    int status = run_with("0", argv);
    return status ? status : run_with("4", argv);
}

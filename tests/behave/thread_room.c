/* SPDX-License-Identifier: MIT */
/*
 * What a thread costs beside its stack, which is two mappings: one mapping, and so little writable
 * memory that hundreds of threads run under RLIMIT_DATA, however large the machine is.
 */
#include "check.h"

#include <pthread.h>
#include <sys/resource.h>

enum { KIB = 1024, THREADS = 500, STACK_BYTES = 64 * KIB };

static pthread_barrier_t turn;

/* Frees enough to be given the tables of threads that free much. */
static void *use_some(void *unused) {
    void *blocks[300];
    for (int i = 0; i < 300; i++) {
        blocks[i] = malloc(100);
        CHECK(blocks[i]);
    }
    for (int i = 0; i < 300; i++)
        free(blocks[i]);
    void *block = check_keep(malloc(40));
    CHECK(block);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    free(block);
    return unused;
}

static size_t data_bytes(void) {
    char line[256];
    size_t kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmData: %zu", &kib) == 1)
            break;
    CHECK(file && kib);
    fclose(file);
    return kib * KIB;
}

int main(void) {
    static pthread_t threads[THREADS];
    pthread_attr_t attributes;
    struct rlimit limit = {(rlim_t)512 << 20, (rlim_t)512 << 20};
    if (check_is_sampled() || getenv("HAKMEM_PREALLOC"))
        SKIP("blocks of other kinds take more memory");
    CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
    CHECK(pthread_barrier_init(&turn, NULL, THREADS + 1) == 0);
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0);
    unsigned maps = check_count_maps();
    size_t bytes = data_bytes();
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], &attributes, use_some, NULL) == 0);
    pthread_barrier_wait(&turn);
    CHECK(check_count_maps() - maps <= THREADS * 3 + 50);
    CHECK(data_bytes() - bytes <= THREADS * (STACK_BYTES + (size_t)320 * KIB));
    pthread_barrier_wait(&turn);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return 0;
}

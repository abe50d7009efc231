/* SPDX-License-Identifier: MIT */
/*
 * What a thread freed it can have again, although no more address space is to be had and other
 * threads are giving that very memory back to the system just now.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

enum { MIB = 1 << 20, BLOCK = 80 * MIB, ROUNDS = 100, TRIMMERS = 3 };

static atomic_bool is_over;

static void *trim(void *unused) {
    while (!atomic_load(&is_over))
        malloc_trim(0);
    return unused;
}

static void limit_address_space(size_t more_bytes) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = check_address_bytes() + more_bytes;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

int main(void) {
    pthread_t trimmers[TRIMMERS];
    if (getenv("HAKMEM_RESERVE"))
        SKIP("address space is there");
    void *room = check_keep(malloc(BLOCK + 20 * MIB));
    CHECK(room);
    for (int i = 0; i < TRIMMERS; i++)
        CHECK(pthread_create(&trimmers[i], NULL, trim, NULL) == 0);
    usleep(10000); /* their heaps are made */
    limit_address_space(0);
    free(room);
    for (int i = 0; i < ROUNDS; i++) {
        char *block = check_keep(malloc(BLOCK));
        CHECK(block);
        for (size_t at = 0; at < BLOCK; at += 4096)
            block[at] = 1;
        free(block);
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < TRIMMERS; i++)
        pthread_join(trimmers[i], NULL);
    return 0;
}

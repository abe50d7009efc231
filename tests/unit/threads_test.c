/* SPDX-License-Identifier: MIT */
/*
 * Tests of remote frees, abandoned slabs and reclaiming with more threads than cores, through the
 * inline fast paths: blocks travel between threads that come and go, each checked for its content.
 * The build with --enable-sanitizer=thread and helgrind run it to prove the orders of the atomics.
 */
#include "front/alloc.h"
#include "front/free.h"
#include "front/thread.h"
#include "pages/run.h"

#include "unit.h"

#include <pthread.h>
#include <string.h>

#define THREADS 8
#define GENERATIONS 6
#define OPERATIONS 20000
#define SHARED 512
#define OWN 300

static _Atomic(unsigned char *) shared[SHARED];
static uint64_t seed;

static void fill(unsigned char *block, size_t bytes, unsigned char tag) {
    memcpy(block, &bytes, sizeof bytes);
    memset(block + sizeof bytes, tag, bytes - sizeof bytes);
}

static void check_and_free(unsigned char *block) {
    size_t bytes;
    if (!block)
        return;
    memcpy(&bytes, block, sizeof bytes);
    for (size_t i = sizeof bytes + 1; i < bytes; i += 7)
        CHECK(block[i] == block[sizeof bytes]);
    hak_free(block);
}

static void *work(void *argument) {
    uint64_t random = seed * 31 + (uintptr_t)argument;
    unsigned char *own[OWN] = {NULL};
    for (int i = 0; i < OPERATIONS; i++) {
        unsigned slot = (unsigned)(unit_random(&random) % OWN);
        if (own[slot] && unit_random(&random) % 2) {
            unsigned place = (unsigned)(unit_random(&random) % SHARED);
            own[slot] = atomic_exchange(&shared[place], own[slot]);
        }
        check_and_free(own[slot]);
        size_t bytes = 16 + unit_random(&random) % (i % 50 ? 400 : 9000);
        own[slot] = hak_alloc(bytes);
        CHECK(own[slot]);
        fill(own[slot], bytes, (unsigned char)i);
    }
    for (unsigned slot = 0; slot < OWN; slot++)
        check_and_free(own[slot]);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    seed = unit_seed();
    for (uintptr_t generation = 0; generation < GENERATIONS; generation++) {
        for (uintptr_t i = 0; i < THREADS; i++)
            CHECK(!pthread_create(&threads[i], NULL, work, (void *)(generation * 100 + i + 1)));
        for (int i = 0; i < THREADS; i++)
            CHECK(!pthread_join(threads[i], NULL));
    }
    for (int i = 0; i < SHARED; i++)
        check_and_free(shared[i]);
    hak_heap_trim();
    hak_run_verify();
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * What a thread costs that uses a little of many sizes and then waits: resident bytes, besides its
 * stack, which threads that call no malloc are measured for. And the first blocks of a size, by
 * which that is kept small: a little larger than others, few, and blocks like any other.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { THREADS = 200, SIZES = 33, EACH = 2, ROUNDS = 40 };
enum { FEW_BYTES = 18 << 10, MANY_BYTES = 27 << 10 };

static pthread_barrier_t ready, end;
static char *left[THREADS];

static size_t size_at(size_t i) {
    return i < 8 ? 16 * (i + 1) : ((8 + (i & 7)) << ((i >> 3) + 3)) + 1;
}

static void *wait_for_end(void *unused) {
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&end);
    return unused;
}

static void *use_one(void *place) {
    char **left_here = place;
    *left_here = malloc(64);
    (*left_here)[0] = 1;
    return wait_for_end(NULL);
}

static void *use_many(void *place) {
    char **left_here = place;
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t k = 0; k < EACH; k++) {
            size_t bytes = size_at(i);
            char *block = malloc(bytes);
            memset(block, 1, bytes);
            if (k || i)
                free(block);
            else
                *left_here = block;
        }
    }
    return wait_for_end(NULL);
}

/* Resident bytes a thread, all of them alive. */
static size_t measure(void *(*body)(void *)) {
    pthread_t threads[THREADS];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 128 << 10);
    pthread_barrier_init(&ready, NULL, THREADS + 1);
    pthread_barrier_init(&end, NULL, THREADS + 1);
    size_t before = check_resident_bytes();
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], &attributes, body, &left[i]) == 0);
    pthread_barrier_wait(&ready);
    size_t after = check_resident_bytes();
    pthread_barrier_wait(&end);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        free(left[i]); /* of a thread that is gone */
        left[i] = NULL;
    }
    return (after - before) / THREADS;
}

/* In a process of its own: no thread finds what an earlier one has left. */
static size_t cost_of(void *(*body)(void *)) {
    int status;
    size_t *result =
        mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(result != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        *result = measure(body);
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    return *result;
}

static size_t most_for(size_t bytes) {
    return bytes <= 128 ? 128 : bytes > 1024 ? bytes + bytes / 8 : 2 * bytes;
}

/* In a thread of its own: each size begins anew. */
static void *take_first_blocks(void *unused) {
    static char *blocks[SIZES][ROUNDS];
    for (size_t k = 0; k < ROUNDS; k++)
        for (size_t i = 0; i < SIZES; i++) {
            char *block = blocks[i][k] = malloc(size_at(i));
            size_t usable = malloc_usable_size(block);
            CHECK(usable >= size_at(i) && usable <= most_for(size_at(i)));
            if (k >= ROUNDS / 2) /* their number is small */
                CHECK(usable <= size_at(i) + size_at(i) / 8 + 15);
            check_fill(block, usable, (unsigned)(i * ROUNDS + k));
        }
    for (size_t i = 0; i < SIZES; i++)
        for (size_t k = 0; k < ROUNDS; k++) {
            size_t usable = malloc_usable_size(blocks[i][k]);
            CHECK(check_filled(blocks[i][k], usable, (unsigned)(i * ROUNDS + k)));
            free(blocks[i][k]);
        }
    return unused;
}

/* A loop over one size gets the same block each time, the first ones as well. */
static void *take_one_again(void *unused) {
    uintptr_t last = 0;
    int changes = 0;
    for (int i = 0; i < 1000; i++) {
        void *block = malloc(40);
        changes += (uintptr_t)block != last;
        last = (uintptr_t)block;
        free(block);
    }
    CHECK(changes <= 2);
    return unused;
}

static void run(void *(*body)(void *)) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

int main(void) {
    run(take_first_blocks);
    run(take_one_again);
    size_t nothing = cost_of(wait_for_end);
    size_t few = cost_of(use_one), many = cost_of(use_many);
    fprintf(stderr, "a thread: %zu bytes; with one block %zu; with many %zu\n", nothing, few, many);
    CHECK(few <= nothing + FEW_BYTES && many <= nothing + MANY_BYTES);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The ends of threads and of the process: malloc and free in thread-specific destructors in each of
 * their rounds, in cleanup handlers, in detached and cancelled threads, and in atexit functions and
 * destructors, where also the blocks of threads long gone are freed.
 */
#include "check.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

enum { KEYS = 20, THREADS = 200 };

static pthread_key_t keys[KEYS];
static atomic_int destructions;
static void *left_behind[THREADS];

/* Comes back until libc stops calling, each time with another block. */
static void destroy(void *value) {
    unsigned char *block = value;
    unsigned round = block[0], key = block[1];
    size_t size = 100 + key * 300;
    CHECK(check_filled(block + 2, size - 2, key));
    free(block);
    atomic_fetch_add(&destructions, 1);
    block = malloc(size);
    CHECK(block != NULL);
    check_fill(block + 2, size - 2, key);
    block[0] = (unsigned char)(round + 1);
    block[1] = (unsigned char)key;
    if (round + 1 < PTHREAD_DESTRUCTOR_ITERATIONS)
        CHECK(pthread_setspecific(keys[key], block) == 0);
    else
        free(block);
}

static void *use_keys(void *argument) {
    unsigned number = (unsigned)(uintptr_t)argument;
    for (unsigned key = 0; key < KEYS; key++) {
        size_t size = 100 + key * 300;
        unsigned char *block = malloc(size);
        CHECK(block != NULL);
        check_fill(block + 2, size - 2, key);
        block[0] = 0;
        block[1] = (unsigned char)key;
        CHECK(pthread_setspecific(keys[key], block) == 0);
    }
    left_behind[number] = malloc(5000);
    check_fill(left_behind[number], 5000, number);
    return NULL;
}

/* A thread whose first malloc is in a destructor: libc's pthread_setspecific table aside. */
static void first_malloc_at_exit(void *value) {
    (void)value;
    free(malloc(100));
    void *block = calloc(10, 1000);
    CHECK(block && check_zero(block, 10000));
    free(block);
}

static pthread_key_t late_key;

static void *allocate_late(void *argument) {
    CHECK(pthread_setspecific(late_key, argument) == 0);
    return NULL;
}

static void cleanup(void *block) {
    free(block);
    atomic_fetch_add(&destructions, 1);
}

static void *be_cancelled(void *argument) {
    (void)argument;
    pthread_cleanup_push(cleanup, malloc(300));
    for (;;)
        free(malloc(20)), pthread_testcancel();
    pthread_cleanup_pop(1);
    return NULL;
}

static void check_cancel(void) {
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        int before = atomic_load(&destructions);
        CHECK(pthread_create(&thread, NULL, be_cancelled, NULL) == 0);
        CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0);
        CHECK(atomic_load(&destructions) - before <= 1);
    }
}

static void at_end(void) {
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(check_filled(left_behind[i], 5000, i));
        free(left_behind[i]);
    }
    free(malloc(70000));
}

__attribute__((destructor)) static void at_very_end(void) {
    void *block = realloc(malloc(100), 100000);
    CHECK(block != NULL);
    free(block);
}

int main(void) {
    pthread_t threads[THREADS];
    CHECK(atexit(at_end) == 0);
    CHECK(pthread_key_create(&late_key, first_malloc_at_exit) == 0);
    for (int key = 0; key < KEYS; key++)
        CHECK(pthread_key_create(&keys[key], destroy) == 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, use_keys, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(atomic_load(&destructions) == THREADS * KEYS * PTHREAD_DESTRUCTOR_ITERATIONS);
    for (int i = 0; i < 200; i++) {
        CHECK(pthread_create(&threads[0], NULL, allocate_late, keys) == 0);
        CHECK(pthread_join(threads[0], NULL) == 0);
    }
    check_cancel();
    return 0;
}

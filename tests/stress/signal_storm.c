/* SPDX-License-Identifier: MIT */
/*
 * Timer signals by the ten thousand while threads allocate, free, come and go. The handler touches
 * no heap, but looks at a live block, which must be whole at any instant. SEED=, ROUNDS=.
 */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

enum { WAVES = 60, THREADS = 6, SLOTS = 300, STEPS = 3000 };

static atomic_uint delivered, damaged;
static unsigned char *witness;
static uint64_t seed;

static void look(int signal_number) {
    int saved_errno = errno;
    (void)signal_number;
    for (int i = 0; i < 256; i++)
        if (witness[i] != (unsigned char)i)
            atomic_fetch_add(&damaged, 1);
    atomic_fetch_add(&delivered, 1);
    errno = saved_errno;
}

static void *run(void *argument) {
    unsigned char *blocks[SLOTS] = {NULL};
    uint64_t state = seed + (uintptr_t)argument * 0x9E3779B97F4A7C15ULL;
    for (int i = 0; i < STEPS; i++) {
        uint64_t random = check_random(&state);
        unsigned at = (unsigned)(random % SLOTS);
        size_t size = 1 + (random >> 12 & 63 ? random >> 20 & 1023 : random >> 20 & 0x1fffff);
        CHECK(!blocks[at] || blocks[at][0] == (unsigned char)at);
        if (random >> 62) {
            free(blocks[at]);
            blocks[at] = malloc(size);
        } else {
            blocks[at] = realloc(blocks[at], size);
        }
        CHECK(blocks[at] != NULL);
        blocks[at][0] = (unsigned char)at;
    }
    for (int i = 0; i < SLOTS; i++)
        free(blocks[i]);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    timer_t timer;
    struct sigaction action = {.sa_handler = look, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec often = {{0, 50000}, {0, 50000}};
    unsigned long rounds = check_setting("ROUNDS", 1);
    seed = check_seed();
    alarm(0);
    witness = malloc(256);
    for (int i = 0; i < 256; i++)
        witness[i] = (unsigned char)i;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &often, NULL) == 0);
    for (unsigned long wave = 0; wave < rounds * WAVES; wave++) {
        for (uintptr_t i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, run, (void *)(wave * THREADS + i)) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(timer_delete(timer) == 0);
    CHECK(atomic_load(&damaged) == 0);
    CHECK(atomic_load(&delivered) > 100);
    free(witness);
    return 0;
}

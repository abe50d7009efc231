/* SPDX-License-Identifier: MIT */
/*
 * A storm of signals, whose handlers don't allocate, arriving anywhere in malloc, free and realloc
 * of several threads: nothing is lost, no call reports an interruption.
 */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

enum { THREADS = 4, SLOTS = 300 };

static atomic_uint delivered;
static atomic_bool stop;

static void count_signal(int signal_number) {
    int saved_errno = errno;
    (void)signal_number;
    atomic_fetch_add(&delivered, 1);
    errno = saved_errno;
}

static void *allocate(void *argument) {
    unsigned char *blocks[SLOTS] = {NULL};
    size_t sizes[SLOTS] = {0};
    uint64_t state = (uintptr_t)argument * 7919;
    while (!atomic_load(&stop)) {
        uint64_t random = check_random(&state);
        unsigned at = (unsigned)(random % SLOTS);
        size_t size = random >> 12 & 31 ? random >> 20 & 1023 : random >> 20 & 0xfffff;
        if (blocks[at] && random >> 63) {
            blocks[at] = realloc(blocks[at], size + 1);
            CHECK(blocks[at] != NULL);
            CHECK(check_filled(blocks[at], sizes[at] < size ? sizes[at] : size, at));
        } else {
            CHECK(check_filled(blocks[at], sizes[at], at));
            free(blocks[at]);
            blocks[at] = malloc(size + 1);
            CHECK(blocks[at] != NULL);
        }
        sizes[at] = size;
        check_fill(blocks[at], size, at);
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        CHECK(check_filled(blocks[i], sizes[i], i));
        free(blocks[i]);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    unsigned wanted = (unsigned)check_setting("SIGNALS", 20000);
    struct sigaction action = {.sa_handler = count_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, allocate, (void *)(i + 1)) == 0);
    /* Signals that a thread has no processor for become one: then more are sent. */
    for (unsigned sent = 0; sent < wanted || atomic_load(&delivered) <= wanted / 20; sent++) {
        struct timespec pause = {0, 20000};
        CHECK(pthread_kill(threads[sent % THREADS], SIGUSR1) == 0);
        if (sent % 4 == 3)
            nanosleep(&pause, NULL);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return 0;
}

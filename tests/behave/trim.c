/* SPDX-License-Identifier: MIT */
/*
 * malloc_trim while another thread works on a large sparse heap of its own: what that heap can do
 * without is given back by and by, a few system calls in a malloc or free, with rest in between, so
 * that none of them waits for all of it; the caller's own heap gives everything at once. The calls
 * are counted by a madvise of the program's own.
 */
#include "check.h"
#include "system.h"

#include <malloc.h>
#include <pthread.h>

enum { BLOCKS = 60000, MOST_BYTES = 1024, RARITY = 16, MOST_CALLS = 40, STEPS = 400000 };
enum { WANTED_BYTES = 4 << 20, ROUNDS = 4, ROUNDS_MOST = 400 };

static __thread volatile unsigned calls; /* malloc is said not to call us */
static pthread_barrier_t sparse, trimmed, done;
/* resident: at first, after the caller's own part, and after the other's: by that one, since what
 * it ends by must be what is judged */
static size_t before_bytes, own_bytes, other_bytes;

static bool must_fail(enum system_call call) {
    calls += call == MADVISE;
    return false;
}

static size_t size_of(uint64_t random) {
    return 16 + (random >> 8) % (MOST_BYTES - 16);
}

static void fill(char **blocks, uint64_t *state) {
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = size_of(check_random(state));
        blocks[i] = memset(malloc(size), (int)(i % 251), 16);
        memset(blocks[i] + 16, 1, size - 16);
    }
    for (unsigned i = 0; i < BLOCKS; i++)
        if (check_random(state) % RARITY) {
            free(blocks[i]);
            blocks[i] = NULL;
        }
}

/* Replaces blocks, as many as there are; returns the most calls within one malloc or free. */
static unsigned work(char **blocks, uint64_t *state) {
    unsigned most = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        uint64_t random = check_random(state);
        unsigned from = (unsigned)(random % BLOCKS), to = (unsigned)(check_random(state) % BLOCKS);
        if (!blocks[from] || blocks[to])
            continue;
        CHECK(blocks[from][0] == (char)(from % 251) && blocks[from][15] == blocks[from][0]);
        calls = 0;
        free(blocks[from]);
        most = calls > most ? calls : most;
        blocks[from] = NULL;
        calls = 0;
        blocks[to] = malloc(size_of(random));
        most = calls > most ? calls : most;
        memset(blocks[to], (int)(to % 251), 16);
    }
    return most;
}

/* Or nobody can tell. */
static bool is_given_back(void) {
    other_bytes = check_resident_bytes();
    return before_bytes == 0 || other_bytes + WANTED_BYTES < own_bytes;
}

static void *worker(void *unused) {
    static char *blocks[BLOCKS];
    uint64_t state = 4711;
    fill(blocks, &state);
    work(blocks, &state);
    pthread_barrier_wait(&sparse);
    pthread_barrier_wait(&trimmed);
    unsigned most = 0;
    for (int i = 0; i < ROUNDS || (i < ROUNDS_MOST && !is_given_back()); i++) {
        unsigned calls_now = work(blocks, &state);
        most = calls_now > most ? calls_now : most;
    }
    fprintf(stderr, "at most %u calls within one malloc or free\n", most);
    CHECK(most > 0 && most <= MOST_CALLS);
    pthread_barrier_wait(&done);
    for (unsigned i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return unused;
}

int main(void) {
    static char *mine[BLOCKS];
    pthread_t thread;
    uint64_t state = 1234;
    pthread_barrier_init(&sparse, NULL, 2);
    pthread_barrier_init(&trimmed, NULL, 2);
    pthread_barrier_init(&done, NULL, 2);
    CHECK(pthread_create(&thread, NULL, worker, NULL) == 0);
    pthread_barrier_wait(&sparse);
    fill(mine, &state);
    before_bytes = check_resident_bytes();
    CHECK(malloc_trim(0) == 1);
    own_bytes = check_resident_bytes();
    pthread_barrier_wait(&trimmed);
    pthread_barrier_wait(&done);
    fprintf(stderr, "resident: %zu KiB, %zu after the own part, %zu after the other's\n",
            before_bytes >> 10, own_bytes >> 10, other_bytes >> 10);
    CHECK(before_bytes == 0 || own_bytes + WANTED_BYTES < before_bytes);
    CHECK(before_bytes == 0 || other_bytes + WANTED_BYTES < own_bytes);
    CHECK(malloc_trim(0) >= 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

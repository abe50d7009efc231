/* SPDX-License-Identifier: MIT */
/*
 * Owns what tests of fork share: threads that replace blocks of all sizes in a table without a
 * pause, and a child that frees what it finds there and does all that one can with malloc. An entry
 * is empty while its block is made or freed, so what a child finds is live, whoever made it and
 * wherever that thread was.
 */
#ifndef TESTS_BEHAVE_FORK_CHILD_H
#define TESTS_BEHAVE_FORK_CHILD_H

#include "check.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { FORK_MOST_THREADS = 64, FORK_SLOTS = 16, FORK_CHILD_SECONDS = 120 };

struct fork_block {
    size_t size;
    unsigned tag;
    unsigned char bytes[];
};

static _Atomic(struct fork_block *) fork_table[FORK_MOST_THREADS + 1][FORK_SLOTS];
static atomic_bool fork_stop;
static volatile sig_atomic_t fork_is_child; /* set by a handler that forked */

static struct fork_block *fork_make(uint64_t random) {
    size_t size = random % 32 ? random >> 8 & 1023 : random >> 8 & 0x3ffff;
    struct fork_block *block = malloc(sizeof *block + size);
    CHECK(block != NULL);
    block->size = size;
    block->tag = (unsigned)(random >> 40);
    check_fill(block->bytes, size, block->tag);
    return block;
}

static void fork_unmake(struct fork_block *block) {
    CHECK(!block || check_filled(block->bytes, block->size, block->tag));
    free(block);
}

/* Empties a slot of any thread, or fills one of its own. */
static void fork_step(int thread, int threads, uint64_t *state) {
    uint64_t random = check_random(state);
    unsigned whose = (unsigned)(random >> 32) % (unsigned)(threads + 1);
    fork_unmake(atomic_exchange(&fork_table[whose][random % FORK_SLOTS], NULL));
    struct fork_block *block = fork_make(check_random(state));
    fork_unmake(atomic_exchange(&fork_table[thread][random >> 8 & (FORK_SLOTS - 1)], block));
}

static void fork_use_everything(int threads);

/* In the child of a signal handler, whatever it had interrupted. */
static void fork_end_child(int threads) {
    if (!fork_is_child)
        return;
    fork_use_everything(threads);
    _exit(0);
}

struct fork_worker {
    pthread_t thread;
    int number, threads;
};

static void *fork_work(void *argument) {
    const struct fork_worker *worker = argument;
    uint64_t state = (uint64_t)worker->number * 99991 + 1;
    while (!atomic_load(&fork_stop)) {
        for (int i = 0; i < 30 && !fork_is_child; i++)
            fork_step(worker->number, worker->threads, &state);
        fork_end_child(worker->threads);
        usleep(worker->threads > 8 ? 20000 : 200); /* children need a processor, too */
    }
    return NULL;
}

static struct fork_worker fork_workers[FORK_MOST_THREADS];

/* So many besides the caller. */
static void fork_begin_threads(int threads) {
    for (int i = 0; i < threads; i++) {
        fork_workers[i] = (struct fork_worker){.number = i + 1, .threads = threads};
        CHECK(!pthread_create(&fork_workers[i].thread, NULL, fork_work, &fork_workers[i]));
    }
}

static void fork_end_threads(int threads) {
    atomic_store(&fork_stop, true);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_join(fork_workers[i].thread, NULL) == 0);
    for (int i = 0; i <= threads; i++)
        for (int slot = 0; slot < FORK_SLOTS; slot++)
            fork_unmake(atomic_exchange(&fork_table[i][slot], NULL));
}

static void fork_use_sizes(void) {
    static const size_t sizes[] = {1, 100, 1500, 30000, 70000, 400000, 3000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *zeroed = calloc(1, sizes[i]), *block = malloc(sizes[i]), *aligned;
        CHECK(zeroed && block && check_zero(zeroed, sizes[i]));
        check_fill(block, sizes[i], 7);
        block = realloc(block, sizes[i] * 3);
        CHECK(block && check_filled(block, sizes[i], 7));
        block = realloc(block, sizes[i] / 2 + 1);
        CHECK(block && check_filled(block, sizes[i] / 2 + 1, 7));
        CHECK(posix_memalign((void **)&aligned, 4096, sizes[i]) == 0);
        CHECK(check_is_aligned(aligned, 4096) && malloc_usable_size(aligned) >= sizes[i]);
        memset(aligned, 3, sizes[i]);
        free(block);
        free(zeroed);
        free(aligned);
    }
    free(malloc(0));
}

/* In the child of a fork, with the threads of its parent, of which it has none. */
static void fork_use_everything(int threads) {
    uint64_t state = (uint64_t)getpid();
    alarm(FORK_CHILD_SECONDS);
    fork_use_sizes();
    for (int i = 0; i <= threads; i++)
        for (int slot = 0; slot < FORK_SLOTS; slot++)
            fork_unmake(atomic_exchange(&fork_table[i][slot], NULL));
    for (int i = 0; i < 300; i++)
        fork_step(0, threads, &state);
    malloc_trim(0);
    CHECK((size_t)mallinfo2().uordblks < (size_t)1 << 40);
    fork_use_sizes();
    for (int slot = 0; slot < FORK_SLOTS; slot++)
        fork_unmake(atomic_exchange(&fork_table[0][slot], NULL));
}

static void fork_wait(pid_t child) {
    int status = 0;
    CHECK(child > 0);
    while (waitpid(child, &status, 0) < 0)
        CHECK(errno == EINTR);
    if (WIFSIGNALED(status))
        fprintf(stderr, "child %d: signal %d%s\n", (int)child, WTERMSIG(status),
                WTERMSIG(status) == SIGALRM ? " (hung)" : "");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#endif

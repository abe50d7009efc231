/* SPDX-License-Identifier: MIT */
/*
 * 32 threads allocate and free without a pause while the process forks; several children live at a
 * time, and each uses its inherited heap, frees, allocates and forks again. A child that doesn't
 * end is a failure. ROUNDS=1000 makes the 10^5 forks of a long run. SEED=.
 */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { THREADS = 32, KEPT = 200, FORKS = 100, AT_ONCE = 4, CHILD_SECONDS = 600 };

static uint64_t seed;
static atomic_bool stop;
static size_t *kept[KEPT];

static size_t *make(uint64_t random) {
    size_t words = 1 + (random & 63 ? random >> 8 & 127 : random >> 8 & 65535);
    size_t *block = malloc(words * sizeof *block);
    CHECK(block != NULL);
    block[0] = words;
    block[words - 1] = words;
    return block;
}

static void use(size_t **blocks, uint64_t *state, int steps) {
    for (int i = 0; i < steps; i++) {
        uint64_t random = check_random(state);
        size_t **slot = &blocks[random % KEPT];
        CHECK(!*slot || (*slot)[(*slot)[0] - 1] == (*slot)[0]);
        free(*slot);
        *slot = make(random >> 10);
    }
}

static void *run(void *argument) {
    size_t *own[KEPT] = {NULL};
    uint64_t state = seed + (uintptr_t)argument * 0x9E3779B97F4A7C15ULL;
    while (!atomic_load(&stop)) {
        use(own, &state, 300);
        usleep(200);
    }
    for (int i = 0; i < KEPT; i++)
        free(own[i]);
    return NULL;
}

static void wait_for_one(void) {
    int status = 0;
    pid_t child;
    while ((child = wait(&status)) < 0)
        CHECK(errno == EINTR);
    if (WIFSIGNALED(status))
        fprintf(stderr, "child %d: signal %d%s\n", (int)child, WTERMSIG(status),
                WTERMSIG(status) == SIGALRM ? " (hung)" : "");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void be_child(uint64_t state, int depth) {
    alarm(CHILD_SECONDS);
    use(kept, &state, 500);
    if (depth < 2 && state % 5 == 0) {
        pid_t child = fork();
        if (child == 0)
            be_child(state + 2, depth + 1);
        wait_for_one();
    }
    use(kept, &state, 100);
    _exit(0);
}

int main(void) {
    pthread_t threads[THREADS];
    unsigned long rounds = check_setting("ROUNDS", 5);
    seed = check_seed();
    alarm(0);
    uint64_t state = seed;
    use(kept, &state, 1000);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, run, (void *)(i + 1)) == 0);
    for (unsigned long i = 0; i < rounds * FORKS; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            be_child(seed + i * 2, 0);
        if (i >= AT_ONCE)
            wait_for_one();
        use(kept, &state, 50);
    }
    for (int i = 0; i < AT_ONCE; i++)
        wait_for_one();
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The counters are right: random programs with threads that come and go and free each other's
 * blocks keep a book of their own, and at rest the figures, the sum over size classes and the sum
 * over all threads agree with it to the block. SEED= repeats a program.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { THREADS = 6, ROUNDS = 4, STEPS = 6000, SHARED = 400, CLASSES = 81, OWN = 200, SLAB = 65536 };

#include "hakmem.h"

/* The program isn't linked with the library. */
static int (*get)(const char *, uint64_t *);
static int (*get_class)(unsigned, struct hakmem_class_stats *);

static void *_Atomic shared[SHARED];
static _Atomic long long live_in_class[CLASSES], live_large, large_bytes_live, large_slabs_live;
static struct hakmem_class_stats start[CLASSES];
static uint64_t start_blocks, start_bytes, start_large, start_runs, seed;

static uint64_t random_next(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DULL;
}

static unsigned class_of(size_t bytes) {
    for (unsigned i = 0; i < CLASSES - 1; i++)
        if (start[i].block_bytes >= bytes)
            return i;
    return CLASSES - 1;
}

/* The book is kept by the size that the block really has. */
static void book(void *block, int change) {
    size_t bytes = malloc_usable_size(block);
    unsigned size_class = class_of(bytes);
    if (size_class < CLASSES - 1) {
        live_in_class[size_class] += change;
        return;
    }
    live_large += change;
    large_bytes_live += change * (long long)bytes;
    large_slabs_live += change * (long long)((bytes + SLAB - 1) / SLAB);
}

static void *take(uint64_t *state) {
    size_t bytes = 1 + random_next(state) % 300; /* blocks of no bytes have no class */
    if (random_next(state) % 20 == 0)
        bytes = 1 + random_next(state) % 20000;
    if (random_next(state) % 200 == 0)
        bytes = 60000 + random_next(state) % 300000;
    void *block;
    switch (random_next(state) % 4) {
    case 0:
        block = calloc(1, bytes);
        break;
    case 1:
        block = aligned_alloc(64, bytes);
        break;
    default:
        block = malloc(bytes);
    }
    CHECK(block != NULL);
    book(block, 1);
    return block;
}

static void give(void *block) {
    if (!block)
        return;
    book(block, -1);
    free(block);
}

static void *resize(void *block, uint64_t *state) {
    if (!block)
        return NULL;
    book(block, -1);
    block = realloc(block, 1 + random_next(state) % (random_next(state) % 30 ? 900 : 400000));
    book(block, 1);
    return block;
}

static void *work(void *number) {
    uint64_t state = seed * 77 + (uintptr_t)number;
    void *own[OWN] = {NULL};
    for (int i = 0; i < STEPS; i++) {
        unsigned slot = random_next(&state) % OWN;
        if (random_next(&state) % 2)
            own[slot] = atomic_exchange(&shared[random_next(&state) % SHARED], own[slot]);
        if (random_next(&state) % 8 == 0) {
            own[slot] = resize(own[slot], &state);
            continue;
        }
        give(own[slot]);
        own[slot] = take(&state);
    }
    for (unsigned slot = 0; slot < OWN; slot++)
        if (random_next(&state) % 4)
            give(own[slot]);
    return NULL;
}

static uint64_t value(const char *name) {
    uint64_t found;
    CHECK(get(name, &found) == 0);
    return found;
}

/* What this program holds beside the book (stdio, threads) is in `start`. */
static void check_book(void) {
    uint64_t blocks = (uint64_t)live_large, bytes = (uint64_t)large_bytes_live;
    for (unsigned i = 0; i < CLASSES - 1; i++) {
        blocks += (uint64_t)live_in_class[i];
        bytes += (uint64_t)live_in_class[i] * start[i].block_bytes;
    }
    CHECK(value("live_blocks") - start_blocks == blocks);
    if (check_is_sampled())
        return; /* some small blocks are among the large ones, with a page each */
    CHECK(value("allocated_bytes") - start_bytes == bytes);
    for (unsigned i = 0; i < CLASSES - 1; i++) {
        struct hakmem_class_stats stats;
        CHECK(get_class(i, &stats) == 0);
        CHECK(stats.live_blocks - start[i].live_blocks == (uint64_t)live_in_class[i]);
    }
    CHECK(value("large_bytes") - start_large == (uint64_t)large_bytes_live);
    CHECK(value("used_bytes") - value("slabs") * SLAB - start_runs ==
          (uint64_t)large_slabs_live * SLAB);
}

static void check_sums(void) {
    uint64_t live = 0, bytes = 0, allocations = 0, own = 0;
    for (unsigned i = 0; i < CLASSES - 1; i++) {
        struct hakmem_class_stats stats;
        CHECK(get_class(i, &stats) == 0);
        CHECK(stats.allocations >= stats.frees);
        CHECK(stats.live_blocks == stats.allocations - stats.frees);
        live += stats.live_blocks;
        bytes += stats.live_blocks * stats.block_bytes;
        allocations += stats.allocations;
        own += stats.frees;
    }
    CHECK(allocations == value("allocations"));
    CHECK(own == value("own_frees") + value("remote_frees"));
    CHECK(value("live_blocks") == live + value("large_allocations") - value("large_frees"));
    CHECK(value("allocated_bytes") == bytes + value("large_bytes"));
    CHECK(value("large_allocations") == value("large_blocks_taken"));
    CHECK(value("large_frees") == value("large_blocks_freed"));
    CHECK(value("large_bytes") == value("large_bytes_taken") - value("large_bytes_freed"));
    CHECK(value("slab_bytes") <= value("slabs") * SLAB);
    CHECK(value("blocks_out") <= value("blocks_carved"));
    CHECK(value("held_bytes") == value("allocated_bytes") + value("cached_bytes") +
                                     value("free_bytes") + value("slack_bytes") +
                                     value("dirty_bytes") + value("metadata_bytes"));
}

/* Small stacks: libc keeps them all, with what it allocates for each thread. */
static void run_threads(unsigned round, void *(*body)(void *)) {
    pthread_t threads[THREADS];
    pthread_attr_t small;
    CHECK(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 256 * 1024) == 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], &small, body, (void *)(round * 100 + i + 1)) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

static pthread_barrier_t barrier;

static void *meet(void *argument) {
    pthread_barrier_wait(&barrier);
    return argument;
}

/* A child goes on with the counts of its parent, and the parent's don't move with it. */
static void check_fork(void) {
    uint64_t before = value("allocations");
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        check_book();
        run_threads(99, work);
        check_book();
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(value("allocations") == before);
}

int main(int argc, char **argv) {
    (void)argc;
    const char *text = getenv("SEED");
    seed = text ? strtoull(text, NULL, 0) : 42;
    get = (int (*)(const char *, uint64_t *))dlsym(RTLD_DEFAULT, "hakmem_stats_get");
    get_class =
        (int (*)(unsigned, struct hakmem_class_stats *))dlsym(RTLD_DEFAULT, "hakmem_stats_class");
    CHECK(get && get_class);
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    run_threads(0, meet);
    for (unsigned i = 0; i < CLASSES - 1; i++)
        CHECK(get_class(i, &start[i]) == 0);
    start_blocks = value("live_blocks");
    start_bytes = value("allocated_bytes");
    start_large = value("large_bytes");
    start_runs = value("used_bytes") - value("slabs") * SLAB;
    CHECK(get("no such name", &seed) == ENOENT);
    seed = text ? strtoull(text, NULL, 0) : 42;
    for (unsigned round = 0; round < ROUNDS; round++) {
        run_threads(round, work);
        check_book();
        check_sums();
        check_fork();
    }
    for (int i = 0; i < SHARED; i++)
        give(shared[i]);
    check_book();
    check_sums();
    if (getenv("HAKMEM_STATS"))
        return 0;
    setenv("HAKMEM_STATS", "1", 1); /* and all again with counters that others can read */
    execv(argv[0], argv);
    return 1;
}

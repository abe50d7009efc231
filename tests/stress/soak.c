/* SPDX-License-Identifier: MIT */
/*
 * A soak: 64 threads that come and go fill blocks of all sizes, hand them to each other, and read
 * back every byte before a block is resized or freed; meanwhile the process forks, threads get
 * signals, the address space is limited for moments (malloc may say no then), and the heap is
 * trimmed. SECONDS=72000 makes a long run, which says every PERIOD= seconds how much was written,
 * read back and is resident; SEED= and THREADS= as elsewhere. After a long run (a minute or more)
 * the second half must not need more memory than the first.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { MOST_THREADS = 256, SLOTS = 40, SHARED = 512, LIFE = 3000, LONG_SECONDS = 60 };

struct block {
    uint64_t *words;
    size_t size;
    uint64_t tag;
};

struct worker {
    pthread_t thread;
    _Atomic bool is_over; /* to be joined and begun anew */
    bool is_there;
};

static struct worker workers[MOST_THREADS];
static _Atomic(struct block *) shared[SHARED];
static _Atomic uint64_t written_bytes, read_bytes, refused, lives, forks, signals;
static atomic_bool stop, is_limited;
static uint64_t seed;

/* Whole words, then the bytes that are left. */
static void fill(const struct block *block) {
    size_t words = block->size / 8;
    unsigned char *rest = (unsigned char *)(block->words + words);
    for (size_t i = 0; i < words; i++)
        block->words[i] = block->tag + i * 0x9E3779B97F4A7C15ULL;
    for (size_t i = 0; i < block->size % 8; i++)
        rest[i] = (unsigned char)(block->tag + i);
    atomic_fetch_add(&written_bytes, block->size);
}

static void verify(const struct block *block, size_t size) {
    size_t words = size / 8;
    const unsigned char *rest = (const unsigned char *)(block->words + words);
    for (size_t i = 0; i < words; i++)
        CHECK(block->words[i] == block->tag + i * 0x9E3779B97F4A7C15ULL);
    if (size == block->size)
        for (size_t i = 0; i < size % 8; i++)
            CHECK(rest[i] == (unsigned char)(block->tag + i));
    atomic_fetch_add(&read_bytes, size);
}

static size_t random_size(uint64_t random) {
    switch (random & 63) {
    case 0:
        return (random >> 8) % 1500000;
    case 1:
    case 2:
        return (random >> 8) % 140000;
    case 3:
    case 4:
    case 5:
    case 6:
        return (random >> 8) % 20000;
    default:
        return (random >> 8) % 1100;
    }
}

/* No memory is an answer while the address space is limited, and a moment after. */
static bool is_there(const void *block) {
    if (!block) {
        CHECK(errno == ENOMEM);
        atomic_fetch_add(&refused, 1);
    }
    return block != NULL;
}

static void make(struct block *block, uint64_t random) {
    size_t size = random_size(random >> 4), alignment = (size_t)16 << (random >> 60);
    void *words = NULL;
    switch (random & 7) {
    case 0:
        words = calloc(1, size);
        CHECK(!words || check_zero(words, size));
        break;
    case 1:
        words = memalign(alignment, size);
        CHECK(!words || check_is_aligned(words, alignment));
        break;
    default:
        words = malloc(size);
    }
    if (!is_there(words))
        return;
    *block = (struct block){words, size, random};
    fill(block);
}

static void unmake(struct block *block) {
    verify(block, block->size);
    free(block->words);
    *block = (struct block){NULL, 0, 0};
}

static void resize(struct block *block, uint64_t random) {
    size_t size = random_size(random) + 1;
    uint64_t *words = realloc(block->words, size);
    if (!is_there(words))
        return;
    block->words = words;
    verify(block, size < block->size ? size : block->size);
    *block = (struct block){words, size, random};
    fill(block);
}

static void exchange(struct block *block, uint64_t random) {
    struct block *parcel = malloc(sizeof *parcel);
    if (!is_there(parcel))
        return;
    *parcel = *block;
    parcel = atomic_exchange(&shared[random >> 20 & (SHARED - 1)], parcel);
    *block = parcel ? *parcel : (struct block){NULL, 0, 0};
    free(parcel);
}

static void *live(void *argument) {
    struct worker *me = argument;
    struct block blocks[SLOTS] = {{NULL, 0, 0}};
    uint64_t state = seed + atomic_fetch_add(&lives, 1) * 0x9E3779B97F4A7C15ULL + 1;
    uint64_t steps = check_random(&state) % LIFE;
    while (steps-- && !atomic_load(&stop)) {
        uint64_t random = check_random(&state);
        struct block *block = &blocks[random % SLOTS];
        if (!block->words)
            make(block, check_random(&state));
        else if (random >> 62 == 0)
            resize(block, check_random(&state));
        else if (random >> 62 == 1)
            exchange(block, random);
        else
            unmake(block);
    }
    for (int i = 0; i < SLOTS; i++)
        if (blocks[i].words)
            unmake(&blocks[i]);
    atomic_store(&me->is_over, true);
    return NULL;
}

static void count_signal(int number) {
    (void)number;
    atomic_fetch_add(&signals, 1);
}

/* Threads that are over begin anew; while the address space is limited there may be no stack. */
static void renew(struct worker *worker) {
    if (worker->is_there && atomic_load(&worker->is_over)) {
        CHECK(pthread_join(worker->thread, NULL) == 0);
        worker->is_there = false;
    }
    if (worker->is_there || atomic_load(&stop))
        return;
    atomic_store(&worker->is_over, false);
    int error = pthread_create(&worker->thread, NULL, live, worker);
    CHECK(error == 0 || (error == EAGAIN && atomic_load(&is_limited)));
    worker->is_there = error == 0;
}

/* The child works on the heap that it has inherited, while its parent goes on. */
static void have_child(uint64_t random) {
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0 || errno == ENOMEM || errno == EAGAIN);
    if (child == 0) {
        struct block blocks[SLOTS] = {{NULL, 0, 0}};
        alarm(240);
        for (int i = 0; i < 400; i++) {
            struct block *block = &blocks[check_random(&random) % SLOTS];
            block->words ? unmake(block) : make(block, check_random(&random));
        }
        _exit(0);
    }
    if (child < 0)
        return;
    while (waitpid(child, &status, 0) < 0)
        CHECK(errno == EINTR);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    atomic_fetch_add(&forks, 1);
}

static size_t mapped_bytes(void) {
    size_t pages = 0;
    FILE *stream = fopen("/proc/self/statm", "r");
    if (!stream)
        return 0; /* the address space is limited: no memory for a stream */
    int count = fscanf(stream, "%zu", &pages);
    fclose(stream);
    return count == 1 ? pages * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

static void limit(bool on) {
    struct rlimit bytes;
    CHECK(getrlimit(RLIMIT_AS, &bytes) == 0);
    size_t mapped = mapped_bytes();
    bytes.rlim_cur = on && mapped ? mapped + (1 << 20) : bytes.rlim_max;
    CHECK(setrlimit(RLIMIT_AS, &bytes) == 0);
}

/* Takes what is left below the limit, for a moment: others are refused. */
static void take_all(void) {
    static void *taken[256];
    int count = 0;
    while (count < 256 && (taken[count] = malloc((size_t)4 << 20)) != NULL)
        count++;
    usleep(10000);
    while (count)
        free(taken[--count]);
}

static void disturb(unsigned long turn, unsigned long threads, uint64_t random) {
    struct worker *worker = &workers[random % threads];
    if (turn % 2 == 0 && worker->is_there && !atomic_load(&worker->is_over))
        pthread_kill(worker->thread, SIGUSR1);
    if (turn % 8 == 7)
        have_child(random);
    if (turn % 10 == 3)
        malloc_trim(0);
    if (turn % 20 == 14) {
        atomic_store(&is_limited, true);
        limit(true);
    } else if (turn % 20 == 15) {
        take_all();
    } else if (turn % 20 == 17) {
        limit(false);
        atomic_store(&is_limited, false);
    }
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Largest resident size of each half of the run. */
static size_t most_resident[2];

static void say(double passed_s, double seconds) {
    size_t resident = check_resident_bytes();
    size_t *most = &most_resident[passed_s * 2 > seconds];
    *most = resident > *most ? resident : *most;
    printf("%7.0f s: written %.3e, read back %.3e bytes, resident %zu MiB, threads %llu, "
           "forks %llu, signals %llu, refused %llu\n",
           passed_s, (double)atomic_load(&written_bytes), (double)atomic_load(&read_bytes),
           resident >> 20, (unsigned long long)atomic_load(&lives),
           (unsigned long long)atomic_load(&forks), (unsigned long long)atomic_load(&signals),
           (unsigned long long)atomic_load(&refused));
    fflush(stdout);
}

static void soak(unsigned long threads, double seconds, double period) {
    uint64_t state = seed;
    double start = now_s(), next = period;
    for (unsigned long turn = 0; now_s() - start < seconds; turn++) {
        for (unsigned long i = 0; i < threads; i++)
            renew(&workers[i]);
        disturb(turn, threads, check_random(&state));
        usleep(10000);
        if (now_s() - start >= next && !atomic_load(&is_limited)) {
            say(now_s() - start, seconds);
            next += period;
        }
    }
    limit(false);
    atomic_store(&stop, true);
    for (unsigned long i = 0; i < threads; i++)
        if (workers[i].is_there)
            CHECK(pthread_join(workers[i].thread, NULL) == 0);
}

int main(void) {
    unsigned long threads = check_setting("THREADS", 64), seconds = check_setting("SECONDS", 3);
    seed = check_seed();
    CHECK(threads <= MOST_THREADS);
    alarm(0);
    signal(SIGUSR1, count_signal);
    soak(threads, (double)seconds, (double)check_setting("PERIOD", 60));
    for (int i = 0; i < SHARED; i++) {
        struct block *parcel = atomic_exchange(&shared[i], NULL);
        if (parcel && parcel->words)
            unmake(parcel);
        free(parcel);
    }
    say((double)seconds, (double)seconds);
    CHECK(atomic_load(&read_bytes) > 0);
    if (seconds >= LONG_SECONDS)
        CHECK(most_resident[1] <= most_resident[0] + most_resident[0] / 4);
    return 0;
}

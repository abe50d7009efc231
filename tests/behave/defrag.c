/* SPDX-License-Identifier: MIT */
/*
 * hakmem_defrag_hint: a program that moves every block for which it is 1, as redis does, moves each
 * block once at most and has little free memory left after three passes, however many blocks it
 * frees at a time. It is 0 for full slabs, for large blocks, and for what other threads own. Memory
 * that nobody moves, although the hint was 1, is used before new memory is.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>

enum { BLOCKS = 200000, LEAST_BYTES = 24, SIZES = 300, PASSES = 3, MOST_BATCH = 65536 };

static int (*hint)(void *);
static char *blocks[BLOCKS];
static unsigned live;

static size_t bytes_of(int i) {
    return LEAST_BYTES + (size_t)i * 7919 % SIZES;
}

static char *make(int i) {
    char *block = check_keep(malloc(bytes_of(i)));
    return memset(block, i, bytes_of(i));
}

static void fill(void) {
    for (int i = 0; i < BLOCKS; i++)
        if (!blocks[i])
            blocks[i] = make(i);
    live = BLOCKS;
}

/* One block of so many stays. */
static void make_sparse(uint64_t *random, unsigned rarity) {
    live = 0;
    for (int i = 0; i < BLOCKS; i++) {
        if (check_random(random) % rarity == 0) {
            live++;
            continue;
        }
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

static void check_content(void) {
    for (int i = 0; i < BLOCKS; i++)
        CHECK(!blocks[i] || (blocks[i][0] == (char)i && blocks[i][bytes_of(i) - 1] == (char)i));
}

static unsigned count_hints(void) {
    unsigned count = 0;
    for (int i = 0; i < BLOCKS; i++)
        count += blocks[i] && hint(blocks[i]);
    return count;
}

/* Frees the old blocks when there are `batch` of them. Returns how many were moved. */
static unsigned move_hinted(int batch) {
    static char *old[MOST_BATCH];
    unsigned moves = 0;
    int count = 0;
    for (int i = 0; i < BLOCKS; i++) {
        if (!blocks[i] || !hint(blocks[i]))
            continue;
        old[count++] = blocks[i];
        blocks[i] = make(i);
        moves++;
        while (count >= batch)
            free(old[--count]);
    }
    while (count > 0)
        free(old[--count]);
    return moves;
}

static void check_batch(int batch, uint64_t *random) {
    unsigned moves = 0, rarity = 2 + (unsigned)(check_random(random) % 8);
    fill();
    make_sparse(random, rarity);
    for (int pass = 0; pass < PASSES; pass++)
        moves += move_hinted(batch);
    CHECK(moves > 0 && moves <= live);
    check_content();
    uint64_t held = check_value("held_bytes"), allocated = check_value("allocated_bytes");
    /* Some MiB may stay dirty, and each of 20 classes has a slab that is not full. */
    CHECK(held <= allocated + allocated / 10 + (3 << 20));
}

/* The hint is 1, but nothing is moved: growing takes no new slabs while those have room. */
static void check_unmoved(uint64_t *random) {
    fill();
    uint64_t slabs = check_value("slabs");
    make_sparse(random, 2);
    CHECK(count_hints() > live / 4);
    fill();
    CHECK(check_value("slabs") <= slabs + slabs / 50);
    check_content();
}

static void *hint_elsewhere(void *block) {
    free(check_keep(malloc(1)));
    CHECK(hint(block) == 0);
    return NULL;
}

static void *free_every_other(void *unused) {
    for (int i = 0; i < BLOCKS; i += 2) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    return unused;
}

static void run_thread(void *(*run)(void *), void *argument) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run, argument) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* Others free blocks of slabs that the owner is told to empty. */
static void check_threads(uint64_t *random) {
    fill();
    make_sparse(random, 3);
    for (int i = 0; i < BLOCKS; i++)
        if (blocks[i]) {
            run_thread(hint_elsewhere, blocks[i]);
            break;
        }
    CHECK(count_hints() > 0);
    run_thread(free_every_other, NULL);
    for (int pass = 0; pass < PASSES; pass++)
        move_hinted(100);
    check_content();
}

static void check_large(void) {
    void *large = check_keep(malloc(1 << 20));
    CHECK(hint(large) == 0 && hint(NULL) == 0);
    free(large);
}

/* A hardened process hands blocks out in random order: no slab is to be emptied. */
static int check_hardened(uint64_t *random) {
    fill();
    make_sparse(random, 8);
    CHECK(count_hints() == 0);
    return 0;
}

int main(void) {
    const char *hardened = getenv("HAKMEM_HARDENED");
    static const int batches[] = {1, 256, 4096, MOST_BATCH};
    uint64_t random = 4711;
    if (check_is_sampled())
        SKIP("sampled blocks take more memory");
    *(void **)&hint = dlsym(RTLD_DEFAULT, "hakmem_defrag_hint");
    CHECK(hint != NULL);
    check_large();
    if (hardened && strcmp(hardened, "yes") == 0)
        return check_hardened(&random);
    fill();
    CHECK(count_hints() < BLOCKS / 100);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
        check_batch(batches[i], &random);
    check_unmoved(&random);
    check_threads(&random);
    fill();
    make_sparse(&random, 1 << 30);
    return 0;
}

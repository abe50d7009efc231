/* SPDX-License-Identifier: MIT */
/*
 * Every call of the family in random order, by more threads than cores, on blocks that the threads
 * also exchange; each block's contents are known and checked at every touch. SEED= repeats a run,
 * ROUNDS= makes it longer, THREADS= changes how many.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

enum { SLOTS = 600, SHARED = 256, STEPS = 40000, MOST_CHECKED = 3000 };

struct block {
    unsigned char *bytes;
    size_t size;
    unsigned tag;
};

static _Atomic(struct block *) shared[SHARED];
static uint64_t seed;

static size_t checked(size_t size) {
    return size < MOST_CHECKED ? size : MOST_CHECKED;
}

static void check_block(const struct block *block) {
    CHECK(check_filled(block->bytes, checked(block->size), block->tag));
    CHECK(block->size == 0 || !block->bytes || block->size <= MOST_CHECKED ||
          block->bytes[block->size - 1] == (unsigned char)block->tag);
}

static void set_block(struct block *block, void *bytes, size_t size, unsigned tag) {
    CHECK(bytes && check_is_aligned(bytes, 16));
    *block = (struct block){bytes, size, tag};
    check_fill(bytes, checked(size), tag);
    if (size > MOST_CHECKED)
        block->bytes[size - 1] = (unsigned char)tag;
}

static size_t random_size(uint64_t random) {
    unsigned width = (unsigned)(random & 31);
    if (width < 20)
        return random >> 8 & 511;
    if (width < 27)
        return random >> 8 & 8191;
    return random >> 8 & (width < 30 ? 0x1ffff : width == 30 ? 0xfffff : 0x5fffff);
}

static void *allocate(uint64_t random, size_t size) {
    void *bytes = NULL;
    size_t alignment = (size_t)16 << (random >> 40 & 15) % 10;
    switch (random >> 50 & 15) {
    case 0:
    case 1:
        bytes = calloc(size % 7 + 1, size / (size % 7 + 1) + 1);
        CHECK(bytes && check_zero(bytes, size));
        return bytes;
    case 2:
        bytes = memalign(alignment, size);
        CHECK(check_is_aligned(bytes, alignment));
        return bytes;
    case 3:
        CHECK(posix_memalign(&bytes, alignment, size) == 0);
        CHECK(check_is_aligned(bytes, alignment));
        return bytes;
    case 4:
        bytes = aligned_alloc(alignment, size);
        CHECK(check_is_aligned(bytes, alignment));
        return bytes;
    case 5:
        return reallocarray(NULL, 3, size / 3 + 1);
    case 6:
        return random >> 54 & 7 ? malloc(size) : valloc(size);
    default:
        return malloc(size);
    }
}

static void resize(struct block *block, uint64_t random) {
    size_t size = random_size(random) + 1, kept;
    check_block(block);
    if (random >> 58 & 1) /* a step, as a growing vector takes */
        size = block->size + block->size / 2 + 1;
    if (size > (size_t)16 << 20)
        size = 1;
    kept = checked(size < block->size ? size : block->size);
    void *bytes = realloc(block->bytes, size);
    CHECK(bytes && check_filled(bytes, kept, block->tag));
    set_block(block, bytes, size, block->tag + 1);
}

/* The block goes to whoever comes next, and what was there comes to this thread. */
static void exchange(struct block *block, uint64_t random) {
    struct block *parcel = malloc(sizeof *parcel);
    CHECK(parcel != NULL);
    *parcel = *block;
    parcel = atomic_exchange(&shared[random >> 40 & (SHARED - 1)], parcel);
    *block = (struct block){NULL, 0, 0};
    if (parcel) {
        *block = *parcel;
        check_block(block);
        free(parcel);
    }
}

static void *run(void *argument) {
    static _Thread_local struct block blocks[SLOTS];
    uint64_t state = seed + (uintptr_t)argument * 0x9E3779B97F4A7C15ULL;
    for (int i = 0; i < STEPS; i++) {
        uint64_t random = check_random(&state);
        struct block *block = &blocks[random % SLOTS];
        size_t size = random_size(random >> 10);
        if (!block->bytes) {
            set_block(block, allocate(random, size), size, (unsigned)random);
            continue;
        }
        check_block(block);
        CHECK(malloc_usable_size(block->bytes) >= block->size);
        switch (random >> 60) {
        case 0:
        case 1:
        case 2:
            resize(block, random);
            break;
        case 3:
        case 4:
            exchange(block, random);
            break;
        case 5:
            if ((random >> 20 & 1023) == 0)
                malloc_trim(0);
            break;
        default:
            free(block->bytes);
            *block = (struct block){NULL, 0, 0};
        }
    }
    for (int i = 0; i < SLOTS; i++) {
        check_block(&blocks[i]);
        free(blocks[i].bytes);
        blocks[i] = (struct block){NULL, 0, 0};
    }
    return NULL;
}

int main(void) {
    pthread_t threads[64];
    unsigned long rounds = check_setting("ROUNDS", 1), count = check_setting("THREADS", 8);
    seed = check_seed();
    CHECK(count <= 64);
    alarm(0);
    for (unsigned long round = 0; round < rounds; round++, seed += 2) {
        for (uintptr_t i = 0; i < count; i++)
            CHECK(pthread_create(&threads[i], NULL, run, (void *)(i + 1)) == 0);
        for (unsigned long i = 0; i < count; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
    }
    for (int i = 0; i < SHARED; i++) {
        struct block *parcel = atomic_exchange(&shared[i], NULL);
        if (parcel) {
            check_block(parcel);
            free(parcel->bytes);
            free(parcel);
        }
    }
    return 0;
}

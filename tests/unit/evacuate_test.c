/* SPDX-License-Identifier: MIT */
/*
 * Tests of lib/heap/evacuate: slabs are chosen only while others have room, their blocks come to no
 * bin, and go back to them, whoever frees; they are refilled from last, leave with their thread,
 * and are given back once empty; with the heap's verifier after each step.
 */
#include "cache/evacuate.h"
#include "cache/verify.h"
#include "conf/conf.h"
#include "core/hardened.h"
#include "front/alloc.h"
#include "front/free.h"
#include "front/thread.h"
#include "slabs/slab.h"

#include "unit.h"

#include <pthread.h>
#include <string.h>

#define BYTES 512
#define COUNT (40 * HAK_SLAB_BYTES / BYTES)

static unsigned char *blocks[COUNT];

static struct hak_heap *mine(void) {
    return hak_heap_get();
}

static struct hak_evacuation *evacuation(void) {
    return &mine()->evacuation[hak_size_class_of(BYTES)];
}

static uint64_t slabs_held(void) {
    return mine()->counters.of[hak_size_class_of(BYTES)].slabs;
}

static void fill(void) {
    for (unsigned i = 0; i < COUNT; i++)
        if (!blocks[i]) {
            blocks[i] = hak_alloc(BYTES);
            CHECK(blocks[i]);
            memset(blocks[i], (int)(i % 251), BYTES);
        }
}

static void drop(unsigned i) {
    for (size_t at = 0; at < BYTES; at++)
        CHECK(blocks[i][at] == (unsigned char)(i % 251));
    hak_free(blocks[i]);
    blocks[i] = NULL;
}

static void make_sparse(uint64_t *random, unsigned rarity) {
    for (unsigned i = 0; i < COUNT; i++)
        if (blocks[i] && unit_random(random) % rarity)
            drop(i);
}

static bool hint(unsigned i) {
    return blocks[i] && hak_evacuate_if_sparse(mine(), hak_region_slab(blocks[i]));
}

static unsigned hint_all(void) {
    unsigned count = 0;
    for (unsigned i = 0; i < COUNT; i++)
        count += hint(i);
    return count;
}

static void empty_all(void) {
    for (unsigned i = 0; i < COUNT; i++)
        if (blocks[i])
            drop(i);
    CHECK(evacuation()->slab_count == 0 && evacuation()->used == 0);
    hak_heap_trim();
    hak_verify_heap_always(mine());
}

/* Each choice leaves room for all that is to be moved. */
static void check_choice(uint64_t *random) {
    fill();
    CHECK(hint_all() == 0);
    make_sparse(random, 3);
    for (unsigned i = 0; i < COUNT; i++) {
        uint32_t before = evacuation()->slab_count;
        hint(i);
        if (evacuation()->slab_count == before)
            continue;
        const struct hak_evacuation *now = evacuation();
        uint64_t used = (uint64_t)mine()->bin_state[hak_size_class_of(BYTES)].used - now->used;
        CHECK((slabs_held() - now->slab_count) * (HAK_SLAB_BYTES / BYTES) - used >= now->used);
        CHECK(hak_region_slab(blocks[i])->is_evacuated);
        hak_verify_heap_always(mine());
    }
    CHECK(evacuation()->slab_count >= slabs_held() / 3);
    empty_all();
}

/* A moved block never comes to lie in an evacuated slab, and emptied slabs are gone at once. */
static void check_moves(uint64_t *random) {
    fill();
    make_sparse(random, 3);
    unsigned moves = 0, live = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        live += blocks[i] != NULL;
        if (!hint(i))
            continue;
        drop(i);
        blocks[i] = hak_alloc(BYTES);
        memset(blocks[i], (int)(i % 251), BYTES);
        CHECK(!hak_region_slab(blocks[i])->is_evacuated);
        moves++;
        if (moves % 64 == 0)
            hak_verify_heap_always(mine());
    }
    CHECK(moves > live / 4 && evacuation()->slab_count == 0);
    CHECK(slabs_held() <= live * 5 / 4 * BYTES / HAK_SLAB_BYTES + 2);
    empty_all();
}

/* Nobody moves: what is free in evacuated slabs is used before a new slab is taken. */
static void check_reuse(uint64_t *random) {
    fill();
    uint64_t slabs = slabs_held();
    make_sparse(random, 2);
    CHECK(hint_all() > 0);
    fill();
    CHECK(slabs_held() <= slabs + 1 && evacuation()->slab_count == 0);
    hak_verify_heap_always(mine());
    empty_all();
}

static void *free_half(void *unused) {
    for (unsigned i = 0; i < COUNT; i += 2)
        if (blocks[i]) {
            CHECK(!hint(i)); /* another thread's */
            drop(i);
        }
    return unused;
}

/* What others free of an evacuated slab goes to the slab, too. */
static void check_remote(uint64_t *random) {
    pthread_t thread;
    fill();
    make_sparse(random, 3);
    CHECK(hint_all() > 0);
    uint32_t used = evacuation()->used;
    CHECK(pthread_create(&thread, NULL, free_half, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    hak_heap_trim(); /* empties the inbox */
    CHECK(evacuation()->used < used);
    hak_verify_heap_always(mine());
    empty_all();
}

static void *evacuate_and_leave(void *random) {
    fill();
    make_sparse(random, 3);
    CHECK(hint_all() > 0);
    return NULL;
}

/* The slabs of an exited thread are like any other. */
static void check_exit(uint64_t *random) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, evacuate_and_leave, random) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    for (unsigned i = 0; i < COUNT; i++)
        CHECK(!blocks[i] || !hak_region_slab(blocks[i])->is_evacuated);
    fill();
    hak_verify_heap_always(mine());
    empty_all();
}

static void check_hardened(uint64_t *random) {
    fill();
    make_sparse(random, 3);
    hak_hardened.is_on = true;
    CHECK(hint_all() == 0);
    hak_hardened.is_on = false;
    CHECK(hint_all() > 0);
    empty_all();
}

int main(void) {
    uint64_t random = unit_seed();
    CHECK(hak_thread_start_heap());
    for (int round = 0; round < 4; round++) {
        check_choice(&random);
        check_moves(&random);
        check_reuse(&random);
        check_remote(&random);
        check_exit(&random);
        check_hardened(&random);
    }
    return 0;
}

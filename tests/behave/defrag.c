/* SPDX-License-Identifier: MIT */
/*
 * hakmem_defrag_hint: a program that moves every block for which it is 1, as redis does, gets rid
 * of most of what fragmentation cost, and then it is 1 for few; it is 0 for full slabs and for what
 * other threads own.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>

enum { BLOCKS = 100000, BYTES = 200 };

static int (*hint)(void *);
static char *blocks[BLOCKS];

static unsigned count_hints(void) {
    unsigned count = 0;
    for (int i = 0; i < BLOCKS; i++)
        count += blocks[i] && hint(blocks[i]);
    return count;
}

/* First the new blocks, then the old ones go. */
static void move_hinted(void) {
    static char *old[BLOCKS];
    int count = 0;
    for (int i = 0; i < BLOCKS; i++) {
        if (!blocks[i] || !hint(blocks[i]))
            continue;
        old[count++] = blocks[i];
        blocks[i] = memcpy(check_keep(malloc(BYTES)), blocks[i], BYTES);
    }
    while (count > 0)
        free(old[--count]);
}

static void *hint_elsewhere(void *block) {
    free(check_keep(malloc(1)));
    CHECK(hint(block) == 0);
    return NULL;
}

int main(void) {
    uint64_t random = 4711;
    pthread_t thread;
    if (check_is_sampled())
        SKIP("sampled blocks take more memory");
    *(void **)&hint = dlsym(RTLD_DEFAULT, "hakmem_defrag_hint");
    CHECK(hint != NULL && hint(NULL) == 0);
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = check_keep(malloc(BYTES));
        memset(blocks[i], i, BYTES);
    }
    CHECK(count_hints() < BLOCKS / 100);
    for (int i = 0; i < BLOCKS; i++)
        if (check_random(&random) % 10) {
            free(blocks[i]);
            blocks[i] = NULL;
        }
    malloc_trim(0);
    size_t before = check_resident_bytes();
    CHECK(count_hints() > BLOCKS / 10 / 4);
    for (int round = 0; round < 6; round++)
        move_hinted();
    malloc_trim(0);
    CHECK(check_resident_bytes() == 0 || check_resident_bytes() < before - (8 << 20));
    for (int i = 0; i < BLOCKS; i++)
        CHECK(!blocks[i] || (blocks[i][0] == (char)i && blocks[i][BYTES - 1] == (char)i));
    for (int i = 0; i < BLOCKS; i++)
        if (blocks[i]) {
            CHECK(pthread_create(&thread, NULL, hint_elsewhere, blocks[i]) == 0);
            CHECK(pthread_join(thread, NULL) == 0);
            break;
        }
    return 0;
}

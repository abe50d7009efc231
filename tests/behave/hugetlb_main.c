/* SPDX-License-Identifier: MIT */
/*
 * Takes about 64 MiB in blocks of many sizes, lets some grow, frees and trims, three rounds, every
 * byte written and read back. Says at the end "pooled, free of it, refusals, purged": bytes in
 * pages of the kernel's pool of huge pages and the like. For hugetlb.sh.
 */
#include "check.h"

#include <malloc.h>

enum { SLOTS = 4096 };

static unsigned char *blocks[SLOTS];
static size_t sizes[SLOTS];

static void check_all(void) {
    for (unsigned i = 0; i < SLOTS; i++)
        CHECK(check_filled(blocks[i], sizes[i], i));
}

static void round_of(uint64_t seed) {
    for (unsigned i = 0; i < SLOTS; i++) {
        sizes[i] = i % 100 ? check_random(&seed) % 4000 : check_random(&seed) % 2000000;
        blocks[i] = i % 3 ? malloc(sizes[i]) : calloc(sizes[i], 1);
        CHECK(blocks[i] && (i % 3 || check_zero(blocks[i], sizes[i])));
        check_fill(blocks[i], sizes[i], i);
    }
    check_all();
    for (unsigned i = 0; i < SLOTS; i += 50) {
        size_t bytes = sizes[i] * 3 / 2;
        blocks[i] = realloc(blocks[i], bytes);
        CHECK(blocks[i] && check_filled(blocks[i], sizes[i], i));
        check_fill(blocks[i], bytes, i);
        sizes[i] = bytes;
    }
    check_all();
    for (unsigned i = 0; i < SLOTS; i++)
        free(blocks[i]);
    malloc_trim(0);
}

int main(void) {
    for (uint64_t seed = 1; seed <= 3; seed++)
        round_of(seed);
    printf("%ju %ju %ju %ju\n", (uintmax_t)check_value("pooled_bytes"),
           (uintmax_t)check_value("pooled_free_bytes"), (uintmax_t)check_value("pool_refusals"),
           (uintmax_t)check_value("purged_bytes"));
    return 0;
}

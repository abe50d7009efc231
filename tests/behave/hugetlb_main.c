/* SPDX-License-Identifier: MIT */
/*
 * Takes about 64 MiB in blocks of many sizes, lets some grow, frees and trims, three rounds, every
 * byte written and read back. Says at the end "pooled, free of it, refusals, purged": bytes in
 * pages of the kernel's pool of huge pages and the like. For hugetlb.sh.
 */
#include "check.h"

#include <malloc.h>

enum { SLOTS = 4096 };

static int (*get)(const char *, uint64_t *);
static unsigned char *blocks[SLOTS];
static size_t sizes[SLOTS];

static unsigned long value(const char *name) {
    uint64_t number = 0;
    CHECK(get(name, &number) == 0);
    return number;
}

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
    *(void **)&get = dlsym(RTLD_DEFAULT, "hakmem_stats_get");
    CHECK(get != NULL);
    for (uint64_t seed = 1; seed <= 3; seed++)
        round_of(seed);
    printf("%lu %lu %lu %lu\n", value("pooled_bytes"), value("pooled_free_bytes"),
           value("pool_refusals"), value("purged_bytes"));
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * resident_bytes, which the parts add up to, is what the kernel says: a heap of touched blocks of
 * all sizes grows, loses every second block, is given away and grows again, and the two accounts
 * move together within a hundredth. (Dirty memory is accounted in whole slabs: until it is trimmed,
 * its untouched part may be between them. So may the rest of a huge page that was begun.)
 */
#include "check.h"

#include <malloc.h>

#include "hakmem.h"

enum { BLOCKS = 60000, LARGE = 40 };

static char *blocks[BLOCKS], *large[LARGE];
static uint64_t kernel_start, own_start;

/* Exact, other than statm. */
static uint64_t kernel_bytes(void) {
    char line[256];
    uint64_t kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    if (!file)
        SKIP("no smaps_rollup");
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Rss: %lu", &kib) == 1)
            break;
    fclose(file);
    return kib * 1024;
}

static void compare(const char *when) {
    int64_t kernel = (int64_t)(kernel_bytes() - kernel_start);
    int64_t own = (int64_t)(check_value("held_bytes") - own_start);
    int64_t difference = kernel > own ? kernel - own : own - kernel;
    fprintf(stderr, "%s: kernel %lld, own %lld, difference %lld\n", when, (long long)kernel,
            (long long)own, (long long)difference);
    int64_t dirty = (int64_t)check_value("dirty_bytes"); /* whole slabs, touched or not */
    static int64_t begun; /* a purge ends the advice; what is there stays */
    if (check_value("huge_bytes"))
        begun = (int64_t)2 << 20;
    CHECK(own - dirty - kernel / 100 <= kernel && kernel <= own + begun + kernel / 100);
    if (dirty == 0)
        CHECK(difference <= begun + kernel / 100);
}

static size_t size_of(unsigned i) {
    return i % 97 == 0 ? 1 + i * 37 % 60000 : 1 + i * 7919u % 2500;
}

static void fill(unsigned step) {
    for (unsigned i = 0; i < BLOCKS; i += step) {
        blocks[i] = malloc(size_of(i));
        CHECK(blocks[i]);
        memset(blocks[i], 1, size_of(i));
    }
}

static void empty(unsigned first, unsigned step) {
    for (unsigned i = first; i < BLOCKS; i += step) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

int main(void) {
    if (check_is_sampled())
        SKIP("sampled blocks take more memory");
    memset(blocks, 0, sizeof blocks);
    free(malloc(100));
    kernel_bytes();
    kernel_start = kernel_bytes();
    own_start = check_value("held_bytes");
    fill(1);
    for (unsigned i = 0; i < LARGE; i++) {
        size_t bytes = 65536 * (1 + i % 7);
        large[i] = malloc(bytes);
        CHECK(large[i]);
        memset(large[i], 1, bytes);
    }
    compare("full");
    empty(1, 2);
    compare("every second block freed");
    malloc_trim(0);
    compare("and trimmed");
    for (unsigned i = 0; i < LARGE; i++)
        free(large[i]);
    empty(0, 4);
    compare("a quarter left");
    malloc_trim(0);
    compare("trimmed");
    fill(3);
    compare("filled again");
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Bursts with long pauses: what one of them used is given back at its end, however often it comes
 * again, since more than a second passes in between. Bursts that follow each other are a cycle and
 * find their memory as it was; when such a cycle turns slow, its memory goes at the end of the next
 * burst, and when it ends, in the seconds after, if the program still uses a little of anything.
 * The clock is the test's own.
 */
#include "check.h"
#include "clock.h"

#include <sys/resource.h>
#include <unistd.h>

enum { BLOCKS = 65536, BLOCK_BYTES = 512, KEPT_MOST_BYTES = 5 << 20, PAUSE_MS = 1300 };
enum { BURST_MS = 20 };

static char *blocks[BLOCKS];

/* Returns what is resident behind it. */
static size_t burst(void) {
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_BYTES);
        check_fill(blocks[i], BLOCK_BYTES, i);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        CHECK(check_filled(blocks[i], BLOCK_BYTES, i));
        free(blocks[i]);
    }
    clock_pass_ms(BURST_MS);
    return check_resident_bytes();
}

static void pause_long(void) {
    clock_pass_ms(PAUSE_MS);
}

static void check_slow(size_t before) {
    for (int i = 0; i < 3; i++) {
        size_t after = burst();
        fprintf(stderr, "resident after a burst: %zu KiB more\n", (after - before) >> 10);
        CHECK(after <= before + KEPT_MOST_BYTES);
        pause_long();
    }
}

static long page_faults(void) {
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_minflt;
}

static void check_quick(void) {
    long before = 0, pages = (long)BLOCKS * BLOCK_BYTES / sysconf(_SC_PAGESIZE);
    for (int i = 0; i < 6; i++) {
        if (i == 3)
            before = page_faults();
        burst();
    }
    CHECK(page_faults() - before < pages / 8);
}

/* Blocks that are in the thread's cache already. */
static void use_little(void) {
    for (int i = 0; i < 4000; i++) {
        void *few[8];
        for (int j = 0; j < 8; j++)
            few[j] = check_keep(malloc(BLOCK_BYTES / 4));
        for (int j = 0; j < 8; j++)
            free(few[j]);
    }
}

static void check_end(size_t before) {
    for (int i = 0; i < 2; i++) { /* the first time a slab is taken: that might be a burst */
        pause_long();
        use_little();
    }
    size_t after = check_resident_bytes();
    fprintf(stderr, "resident after a cycle's end: %zu KiB more\n", (after - before) >> 10);
    CHECK(after <= before + KEPT_MOST_BYTES);
}

int main(void) {
    memset(blocks, 0, sizeof blocks);
    size_t before = check_resident_bytes();
    if (before == 0)
        return 77;
    check_slow(before);
    check_quick();
    check_end(before);
    check_quick();
    pause_long();
    check_slow(before);
    return 0;
}

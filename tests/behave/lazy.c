/* SPDX-License-Identifier: MIT */
/*
 * By default, purged memory leaves VmRSS at once. With HAKMEM_LAZY_PURGE it is counted apart, comes
 * back as memory of unknown content, so that calloc still clears it, and malloc_trim takes what is
 * dirty at once. The program runs itself again with the knob. CHECK_LAZY=1 says so.
 */
#include "check.h"

#include <malloc.h>

enum { MIB = 1 << 20, BLOCKS = 64 };

static void *blocks[BLOCKS];

static void burst(void) {
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = memset(check_keep(malloc(MIB)), 0x5a, MIB);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

static void check_calloc(void) {
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = check_keep(calloc(1, i % 2 ? MIB : MIB / 20));
        CHECK(blocks[i] && check_zero(blocks[i], i % 2 ? MIB : MIB / 20));
    }
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

static void be_lazy(void) {
    burst();
    CHECK(check_value("lazy_bytes") >= 56 * MIB && check_value("dirty_bytes") <= 4 * MIB);
    CHECK(check_value("held_bytes") <= 8 * MIB);
    check_calloc();
    burst();
    malloc_trim(0);
    CHECK(check_value("dirty_bytes") == 0);
}

static void be_eager(void) {
    size_t before = check_resident_bytes();
    burst();
    CHECK(check_value("lazy_bytes") == 0 && check_value("dirty_bytes") <= 4 * MIB);
    CHECK(check_resident_bytes() <= before + 6 * MIB);
    check_calloc();
}

int main(int argc, char **argv) {
    (void)argc;
    if (getenv("CHECK_LAZY")) {
        be_lazy();
        return 0;
    }
    be_eager();
    setenv("CHECK_LAZY", "1", 1);
    setenv("HAKMEM_LAZY_PURGE", "yes", 1);
    execv("/proc/self/exe", argv);
    return 1;
}

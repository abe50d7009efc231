/* SPDX-License-Identifier: MIT */
/*
 * Hardened, with system calls refused as at the limit on mappings: freed large blocks that can't be
 * made accessible again come back when they can be, so the process gets no larger by them.
 */
#include "check.h"
#include "system.h"

enum { BYTES = 200000, BLOCKS = 200, ROUNDS = 20, ONE_IN = 3, MIB = 1 << 20, MOST_MIB = 100 };

static volatile bool is_short; /* the compiler knows free, and that it asks nobody */

static bool must_fail(enum system_call call) {
    static unsigned calls;
    if (call != MPROTECT || !is_short || calls++ % ONE_IN != 0)
        return false;
    errno = ENOMEM;
    return true;
}

static size_t address_space_mib(void) {
    return check_address_bytes() / MIB;
}

int main(int count, char **words) {
    static char *blocks[BLOCKS];
    if (count == 1) {
        setenv("HAKMEM_HARDENED", "yes", 1);
        execl("/proc/self/exe", words[0], "hardened", (char *)NULL);
        return 1;
    }
    size_t before_mib = address_space_mib();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = check_keep(malloc(BYTES));
            CHECK(blocks[i]);
            blocks[i][0] = blocks[i][BYTES - 1] = (char)i;
        }
        is_short = true;
        for (int i = 0; i < BLOCKS; i++)
            free(blocks[i]);
        is_short = false;
    }
    CHECK(address_space_mib() - before_mib < MOST_MIB);
    return 0;
}

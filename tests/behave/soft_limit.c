/* SPDX-License-Identifier: MIT */
/*
 * A soft limit below what a program works with does not make it purge, and bring in again, all that
 * it uses: of what goes through its hands a share at most. The program runs itself again with the
 * limit.
 */
#include "check.h"

#include <sys/resource.h>

enum { TABLE = 20000, SLOTS = 2000, ROUNDS = 300 };

static long faults(void) {
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_minflt;
}

/* Returns how many pages were written to. */
static long work(int rounds) {
    static char *slots[SLOTS];
    uint64_t random = 4711;
    long pages = 0;
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < SLOTS; i++) {
            size_t bytes = 1 + check_random(&random) % (i % 20 ? 4000 : 60000);
            slots[i] = malloc(bytes);
            CHECK(slots[i]);
            memset(slots[i], 1, bytes);
            pages += (long)(bytes / 4096 + 1);
        }
        for (int i = 0; i < SLOTS; i++)
            free(slots[i]);
    }
    return pages;
}

int main(int argc, char **argv) {
    static char *table[TABLE];
    (void)argc;
    if (check_is_sampled())
        SKIP("sampled blocks are large ones");
    if (!getenv("CHECK_LIMIT")) {
        setenv("CHECK_LIMIT", "1", 1);
        setenv("HAKMEM_SOFT_LIMIT", "18m", 1);
        execv("/proc/self/exe", argv);
        return 1;
    }
    for (int i = 0; i < TABLE; i++)
        table[i] = memset(check_keep(malloc(1000)), 1, 1000);
    work(ROUNDS / 10);
    long before = faults();
    long pages = work(ROUNDS);
    printf("%ld faults, %ld pages written\n", faults() - before, pages);
    CHECK(faults() - before <= pages / 8);
    for (int i = 0; i < TABLE; i++)
        free(table[i]);
    return 0;
}

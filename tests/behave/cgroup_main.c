/* SPDX-License-Identifier: MIT */
/*
 * In a control group with a memory limit. "fill": takes and writes blocks until malloc gives NULL,
 * and says how many MiB that were, and the limits in MiB as the library knows them. "turns MIB":
 * fills so much with blocks of another size in each turn, and frees them. For cgroup.sh.
 */
#include "check.h"

enum { MIB = 1 << 20, MOST = 300000 };

static void *blocks[MOST];

static unsigned fill(size_t bytes, size_t most_bytes) {
    unsigned count = 0;
    while (count < MOST && count * bytes < most_bytes) {
        blocks[count] = check_keep(malloc(bytes));
        if (!blocks[count])
            break;
        memset(blocks[count++], 1, bytes);
    }
    return count;
}

static unsigned limit_mib(const char *name) {
    return (unsigned)((check_value(name) + MIB / 2) / MIB);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "fill") == 0) {
        unsigned count = fill(MIB, (size_t)1024 * MIB);
        CHECK(count < 1024 && errno == ENOMEM);
        free(blocks[--count]); /* for stdio */
        printf("%u %u %u\n", count, limit_mib("soft_limit_bytes"), limit_mib("hard_limit_bytes"));
        return 0;
    }
    CHECK(strcmp(what, "turns") == 0 && argc > 2);
    size_t most_bytes = strtoul(argv[2], NULL, 10) * MIB;
    for (size_t bytes = 512; bytes < MIB; bytes = bytes * 5 / 3)
        for (unsigned count = fill(bytes, most_bytes); count > 0;)
            free(blocks[--count]);
    return 0;
}

// SPDX-License-Identifier: MIT
// Owns the benches of address space: how much of it a core dump would hold when a program has given
// most of its memory back (settled_kib; live_kib is what is resident then), and how many mappings
// 16 GiB of it are (maps).
#include "micro.h"
#include <malloc.h>
#include <stdio.h>
#include <string.h>

/* Written private memory that isn't marked to be left out: the kernel dumps it in its whole length,
 * with holes or zeroes where nothing is resident. */
static uint64_t dumped_kib(void) {
    char line[512];
    unsigned long kib = 0, touched_kib = 0;
    uint64_t sum = 0;
    FILE *maps = fopen("/proc/self/smaps", "r");
    if (maps == NULL)
        micro_fail("no /proc/self/smaps");
    while (fgets(line, sizeof line, maps) != NULL) {
        sscanf(line, "Size: %lu", &kib);
        sscanf(line, "Anonymous: %lu", &touched_kib);
        if (strncmp(line, "VmFlags:", 8) == 0 && touched_kib > 0 && strstr(line, " dd") == NULL)
            sum += kib;
    }
    fclose(maps);
    return sum;
}

/* `bytes` in blocks, of which the first 32nd stays. */
void bench_core(void) {
    static struct sizes sizes;
    struct random random = random_of_thread(0);
    size_t bytes = option_number("bytes", MIB(512)), taken = 0, kept = 0;
    size_t count = 0, most = bytes / 512;
    void **blocks = calloc(most, sizeof *blocks);
    sizes_fill(&sizes, option_word("size", "mixed"));
    if (blocks == NULL)
        micro_fail("out of memory");
    measure_begin();
    while (taken < bytes && count < most) {
        size_t size = sizes_take(&sizes, &random);
        blocks[count++] = memset(take(size), 1, size);
        taken += size;
        kept = taken <= bytes / 32 ? count : kept;
    }
    for (size_t i = count; i-- > kept;)
        free(blocks[i]);
    measure_end(2 * count);
    measure_add("settled_kib", dumped_kib());
    measure_add("live_kib", resident_kib());
}

static uint64_t count_maps(void) {
    uint64_t count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    if (maps == NULL)
        micro_fail("no /proc/self/maps");
    for (int c; (c = fgetc(maps)) != EOF;)
        count += c == '\n';
    fclose(maps);
    return count;
}

/* 64 KiB to 128 MiB, each doubling as likely as another. */
static size_t wide_size(struct random *random) {
    size_t bytes = KIB(64) << random_below(random, 10);
    return bytes + random_below(random, bytes);
}

/* Blocks that are written at both ends, 16 GiB in all, a third of them replaced or resized in each
 * round. */
void bench_maps(void) {
    enum { WIDE = 2000 };
    static char *blocks[WIDE];
    struct random random = random_of_thread(0);
    uint64_t rounds = option_number("rounds", 8), most = 0;
    measure_begin();
    for (uint64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < WIDE; i++) {
            size_t what = round == 0 ? 0 : random_below(&random, 6);
            if (what > 1)
                continue;
            size_t bytes = wide_size(&random);
            if (what == 0)
                free(blocks[i]);
            blocks[i] = realloc(what == 0 ? NULL : blocks[i], bytes);
            if (blocks[i] == NULL)
                micro_fail("out of memory");
            blocks[i][0] = blocks[i][bytes - 1] = 1;
        }
        uint64_t maps = count_maps();
        most = maps > most ? maps : most;
    }
    measure_end(rounds * WIDE / 3);
    measure_add("maps", most);
}

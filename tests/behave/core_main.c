/* SPDX-License-Identifier: MIT */
/*
 * Fills much memory, frees 31 blocks in 32 of it (all but the first ones), says its process ID and
 * what is resident, in KiB, and aborts. Arguments: blocks, bytes of each, or the least and the most
 * of them. For core.sh.
 */
#include "check.h"

const char *volatile kept; /* core.sh asks a debugger for its content */

int main(int argc, char **argv) {
    size_t count = argc > 2 ? strtoul(argv[1], NULL, 0) : 0;
    size_t bytes = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
    size_t more = argc > 3 ? strtoul(argv[3], NULL, 0) - bytes + 1 : 1;
    void **blocks = calloc(count, sizeof *blocks);
    CHECK(count > 0 && bytes >= 32 && blocks != NULL);
    for (size_t i = 0; i < count; i++) {
        size_t size = bytes + i * 7919 % more;
        blocks[i] = memset(check_keep(malloc(size)), 'x', size);
    }
    kept = strcpy(blocks[0], "live in the core");
    for (size_t i = count; i-- > count / 32;)
        free(blocks[i]);
    printf("%d %zu\n", (int)getpid(), check_resident_bytes() >> 10);
    fflush(stdout);
    abort();
}

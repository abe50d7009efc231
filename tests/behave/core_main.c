/* SPDX-License-Identifier: MIT */
/*
 * Fills much memory, frees 31 blocks in 32 of it (all but the first ones), says its process ID and
 * what is resident, in KiB, and aborts. Arguments: blocks, bytes of each. For core.sh.
 */
#include "check.h"

const char *volatile kept; /* core.sh asks a debugger for its content */

int main(int argc, char **argv) {
    size_t count = argc > 2 ? strtoul(argv[1], NULL, 0) : 0;
    size_t bytes = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
    void **blocks = calloc(count, sizeof *blocks);
    CHECK(count > 0 && bytes >= 32 && blocks != NULL);
    for (size_t i = 0; i < count; i++)
        blocks[i] = memset(check_keep(malloc(bytes)), 'x', bytes);
    kept = strcpy(blocks[0], "live in the core");
    for (size_t i = count; i-- > count / 32;)
        free(blocks[i]);
    printf("%d %zu\n", (int)getpid(), check_resident_bytes() >> 10);
    fflush(stdout);
    abort();
}

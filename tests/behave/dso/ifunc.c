/* SPDX-License-Identifier: MIT */
/*
 * An indirect function whose resolver uses the heap, while the dynamic linker is still at work. As
 * a program with -DWITH_MAIN, else as a shared object.
 */
#include <stdlib.h>
#include <string.h>

static int chosen(void);

static int good(void) {
    return 1;
}

static int bad(void) {
    return 0;
}

static void *kept;

__attribute__((no_stack_protector)) static int (*choose(void))(void) {
    char *block = malloc(100), *clear = calloc(10, 10), *large;
    int ok = block && clear;
    for (int i = 0; ok && i < 100; i++)
        ok = clear[i] == 0;
    free(NULL);
    block = realloc(block, 3000);
    ok = ok && block;
    for (int i = 0; ok && i < 3000; i++)
        block[i] = (char)i;
    free(block);
    large = malloc(1 << 20);
    ok = ok && large;
    if (large)
        large[(1 << 20) - 1] = 1;
    free(large);
    kept = clear;
    return ok ? good : bad;
}

static int chosen(void) __attribute__((ifunc("choose")));

int ifunc_is_well(void);
int ifunc_is_well(void) {
    int is_kept = kept != NULL;
    free(kept);
    kept = NULL;
    return is_kept && chosen();
}

#ifdef WITH_MAIN
int main(void) {
    return ifunc_is_well() ? 0 : 1;
}
#endif

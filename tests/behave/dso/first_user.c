/* SPDX-License-Identifier: MIT */
/*
 * A shared object whose constructor allocates before main and before other constructors, and whose
 * destructor frees last. The main program asks it whether all was well.
 */
#include "check.h"

#include <malloc.h>

static void *blocks[200];
static char *text;

__attribute__((constructor(101))) static void allocate(void) {
    for (size_t i = 0; i < 200; i++) {
        blocks[i] = i % 3 ? malloc(i * i) : i % 2 ? calloc(i, i) : memalign(64, i * i);
        CHECK(blocks[i] != NULL);
        check_fill(blocks[i], i * i, (unsigned)i);
    }
    text = realloc(strdup("constructed"), 100000);
    CHECK(text != NULL);
    CHECK(dlsym(RTLD_DEFAULT, "no_such_symbol_anywhere") == NULL && dlerror() != NULL);
}

int first_user_is_well(void);
int first_user_is_well(void) {
    for (size_t i = 0; i < 200; i++)
        if (!check_filled(blocks[i], i * i, (unsigned)i))
            return 0;
    for (size_t i = 0; i < 200; i += 2) {
        free(blocks[i]);
        blocks[i] = malloc(i * i);
        check_fill(blocks[i], i * i, (unsigned)i);
    }
    return strcmp(text, "constructed") == 0;
}

__attribute__((destructor(101))) static void release(void) {
    CHECK(first_user_is_well());
    for (size_t i = 0; i < 200; i++)
        free(blocks[i]);
    free(text);
}

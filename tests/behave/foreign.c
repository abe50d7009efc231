/* SPDX-License-Identifier: MIT */
/*
 * Blocks that libc's own allocator handed out, behind our back or before us, are passed on to it:
 * free, realloc with contents kept, and malloc_usable_size. Small, large, aligned, any thread.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void check_block(void *block, size_t size) {
    CHECK(block != NULL);
    CHECK(malloc_usable_size(block) >= size);
    check_fill(block, size, 6);
    void *grown = realloc(block, size * 2 + 100);
    CHECK(grown && check_filled(grown, size, 6));
    check_fill(grown, size * 2 + 100, 7);
    grown = realloc(grown, size);
    CHECK(grown && check_filled(grown, size, 7));
    free(grown);
}

static void *check_sizes(void *unused) {
    (void)unused;
    for (size_t size = 1; size <= (size_t)4 << 20; size = size * 3 / 2 + 1) {
        check_block(__libc_malloc(size), size);
        check_block(__libc_calloc(1, size), size);
        check_block(__libc_memalign(64, size), size);
        errno = 77;
        free(__libc_malloc(size));
        CHECK(errno == 77);
        CHECK(check_keep(realloc(__libc_malloc(size), check_size(0))) == NULL);
    }
    return NULL;
}

int main(void) {
    pthread_t thread;
    check_sizes(NULL);
    CHECK(pthread_create(&thread, NULL, check_sizes, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Running out of address space (RLIMIT_AS): NULL and ENOMEM, every block whole, and after a few
 * frees the next calls succeed, also for a block larger than those freed. Again and again, with
 * small and large blocks, realloc and threads.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

enum { MOST = 400000, LIMIT = 256 << 20 };

static void **blocks;

static void set_limit(size_t bytes) {
    struct rlimit limit = {bytes, RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

/* Returns how many blocks of the size were to be had. */
static int exhaust(size_t size) {
    int count = 0;
    for (; count < MOST; count++) {
        errno = 0;
        blocks[count] = malloc(size);
        if (!blocks[count])
            break;
        check_fill(blocks[count], size < 300 ? size : 300, (unsigned)count);
    }
    CHECK(count < MOST);
    CHECK(errno == ENOMEM);
    return count;
}

static void check_and_free(int from, int to, int step, size_t size) {
    for (int i = from; i < to; i += step) {
        CHECK(check_filled(blocks[i], size < 300 ? size : 300, (unsigned)i));
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

static void check_exhaustion(size_t size) {
    int count = exhaust(size);
    CHECK(count > 5);
    for (int i = 0; i < 20; i++) {
        errno = 0;
        CHECK(check_keep(malloc((size_t)400 << 20)) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(check_keep(calloc(100, (size_t)4 << 20)) == NULL && errno == ENOMEM);
        CHECK(check_keep(realloc(blocks[i % count], (size_t)400 << 20)) == NULL);
        CHECK(errno == ENOMEM);
    }
    check_and_free(0, count, 2, size);
    void *again[5];
    for (int i = 0; i < 5; i++) {
        again[i] = malloc(size);
        CHECK(again[i] != NULL);
    }
    for (int i = 0; i < 5; i++)
        free(again[i]);
    check_and_free(1, count, 2, size);
    int more = exhaust(size);
    CHECK(more > count / 2);
    check_and_free(0, more, 1, size);
}

static int by_address(const void *a, const void *b) {
    uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;
    return x < y ? -1 : x > y;
}

/* Of blocks of 1 MiB, sorted by address: where the first `wanted` neighbours begin. */
static int find_neighbours(int count, int wanted) {
    for (int i = 0; i + wanted <= count; i++)
        if ((char *)blocks[i + wanted - 1] - (char *)blocks[i] == (ptrdiff_t)(wanted - 1) << 20)
            return i;
    CHECK(!"neighbours");
    return 0;
}

/* Free neighbours serve one large request, whether they are resident or were given back. */
static void check_joining(void) {
    enum { NEIGHBOURS = 60 };
    int count = exhaust((size_t)1 << 20);
    qsort(blocks, (size_t)count, sizeof *blocks, by_address);
    int first = find_neighbours(count, NEIGHBOURS);
    for (int i = first; i < first + NEIGHBOURS; i++)
        free(blocks[i]);
    blocks[first] = malloc((size_t)(NEIGHBOURS - 2) << 20);
    CHECK(blocks[first] != NULL);
    for (int i = 0; i < count; i++)
        if (i <= first || i >= first + NEIGHBOURS)
            free(blocks[i]);
}

static void *allocate_in_thread(void *unused) {
    int got = 0;
    (void)unused;
    for (int i = 0; i < 2000; i++) {
        void *block = malloc(20000);
        void *grown = block ? realloc(block, 60000) : NULL;
        got += grown != NULL;
        free(grown ? grown : block);
    }
    return got > 0 ? NULL : &blocks;
}

static void check_threads(void) {
    pthread_t threads[4];
    void *result;
    int count = exhaust(30000);
    check_and_free(count - 40, count, 1, 30000);
    for (int i = 0; i < 4; i++) {
        set_limit(RLIM_INFINITY); /* the threads' stacks are not the question */
        CHECK(pthread_create(&threads[i], NULL, allocate_in_thread, NULL) == 0);
        set_limit(LIMIT);
    }
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], &result) == 0);
    check_and_free(0, count - 40, 1, 30000);
}

/* The limit holds from the start, so that it bounds what the library reserves as well. */
static void run_below_limit(void) {
    if (getenv("CHECK_LIMITED"))
        return;
    CHECK(setenv("CHECK_LIMITED", "1", 1) == 0);
    set_limit(LIMIT);
    execl("/proc/self/exe", "oom", (char *)NULL);
    CHECK(!"execl");
}

int main(void) {
    run_below_limit();
    blocks = malloc(MOST * sizeof *blocks);
    CHECK(blocks != NULL);
    memset(blocks, 0, MOST * sizeof *blocks);
    check_joining();
    for (int round = 0; round < 2; round++) {
        check_exhaustion((size_t)4 << 20);
        check_exhaustion(100000);
        check_exhaustion(3000);
        check_exhaustion(1000);
    }
    check_threads();
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * A library whose constructor registers fork handlers that do what they should not: they allocate
 * up to megabytes, free, realloc and join a thread, and they take the library's own lock, which
 * other threads hold while they allocate. It may be linked before or after libhakmem, or
 * preloaded.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fork_library_work(void);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *kept[8];

static void *use_sizes(void *unused) {
    static const size_t sizes[] = {16, 700, 20000, 100000, 1000000, 5000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *block = malloc(sizes[i]);
        if (!block)
            abort();
        memset(block, 1, sizes[i]);
        block = realloc(block, sizes[i] * 2);
        if (!block || block[sizes[i] - 1] != 1)
            abort();
        free(kept[i]);
        kept[i] = block;
    }
    return unused;
}

static void join_thread(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, use_sizes, NULL) != 0 || pthread_join(thread, NULL) != 0)
        abort();
}

static void prepare(void) {
    pthread_mutex_lock(&lock);
    use_sizes(NULL);
    join_thread();
}

static void resume(void) {
    use_sizes(NULL);
    join_thread();
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void start(void) {
    if (pthread_atfork(prepare, resume, resume) != 0)
        abort();
}

void fork_library_work(void) {
    pthread_mutex_lock(&lock);
    void *large = malloc(300000), *small = malloc(100), *medium = calloc(1, 40000);
    if (!large || !small || !medium)
        abort();
    memset(large, 2, 300000);
    large = realloc(large, 900000);
    free(large);
    free(small);
    free(medium);
    pthread_mutex_unlock(&lock);
}

/* SPDX-License-Identifier: MIT */
/*
 * Started under RLIMIT_AS of 64 MiB, and under RLIMIT_DATA, which counts writable memory as strict
 * overcommit does, a program still has most of the room for itself: it runs itself again below
 * each limit, since limits must hold from the start. CHECK_LIMITED= holds the limit in bytes.
 */
#include "check.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { BLOCKS = 20000 };

static void *allocate(void *unused) {
    for (int i = 0; i < 2000; i++) {
        void *block = malloc((size_t)i);
        CHECK(block != NULL);
        memset(block, 1, (size_t)i);
        free(block);
    }
    return unused;
}

/* Three quarters of the room that the limit leaves are the program's. */
static void take_most(size_t limit_bytes) {
    enum { BYTES = 8000 };
    static void *blocks[65536];
    size_t count = 0;
    while (count < 65536 && (blocks[count] = malloc(BYTES)) != NULL)
        count++;
    CHECK(count * BYTES >= limit_bytes / 4 * 3);
    while (count > 0)
        free(blocks[--count]);
}

/* What an interpreter does: many small blocks, tables that double, some larger buffers. */
static void be_limited(void) {
    static unsigned char *blocks[BLOCKS];
    pthread_attr_t attributes;
    pthread_t thread;
    size_t table_bytes = 64;
    unsigned char *table = malloc(table_bytes);
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = 16 + i % 61 * 8;
        blocks[i] = malloc(size);
        CHECK(blocks[i] != NULL);
        check_fill(blocks[i], size, i);
        if (i * 8 > table_bytes) {
            table_bytes *= 2;
            table = realloc(table, table_bytes);
            CHECK(table != NULL);
        }
    }
    for (int i = 0; i < 100; i++) {
        void *buffer = malloc((size_t)4 << 20);
        CHECK(buffer != NULL);
        memset(buffer, i, (size_t)4 << 20);
        free(buffer);
    }
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 128 * 1024) == 0);
    for (int i = 0; i < 20; i++) {
        CHECK(pthread_create(&thread, &attributes, allocate, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        CHECK(check_filled(blocks[i], 16 + i % 61 * 8, i));
        free(blocks[i]);
    }
    free(table);
    errno = 0;
    CHECK(check_keep(malloc((size_t)200 << 20)) == NULL && errno == ENOMEM);
}

static void run_below(__rlimit_resource_t resource, rlim_t bytes) {
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct rlimit limit = {bytes, bytes};
        CHECK(setrlimit(resource, &limit) == 0);
        char text[30];
        snprintf(text, sizeof text, "%zu", (size_t)bytes);
        CHECK(setenv("CHECK_LIMITED", text, 1) == 0);
        execl("/proc/self/exe", "limits", (char *)NULL);
        CHECK(!"execl");
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
    if (check_is_sampled())
        SKIP("sampled blocks take more memory");
    if (getenv("CHECK_LIMITED")) {
        be_limited();
        take_most(check_setting("CHECK_LIMITED", 0));
        return 0;
    }
    run_below(RLIMIT_AS, (rlim_t)64 << 20);
    run_below(RLIMIT_AS, (rlim_t)160 << 20);
    run_below(RLIMIT_DATA, (rlim_t)48 << 20);
    return 0;
}

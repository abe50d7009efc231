/* SPDX-License-Identifier: MIT */
/*
 * HAKMEM_HARD_LIMIT makes every way to allocate fail with ENOMEM, and what was freed can be had
 * again in another shape; HAKMEM_SOFT_LIMIT keeps nothing free resident above it. The program runs
 * itself again with each knob, since knobs are read at start. CHECK_CEILING= says which.
 */
#include "check.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>

enum { MIB = 1 << 20, MOST = 120000 };

static void *blocks[MOST];

static int fill(size_t bytes) {
    int count = 0;
    for (; count < MOST && (blocks[count] = check_keep(malloc(bytes))) != NULL; count++)
        memset(blocks[count], 1, bytes);
    return count;
}

static void empty(int count) {
    while (count > 0)
        free(blocks[--count]);
}

static void check_refused(void *block) {
    CHECK(block == NULL && errno == ENOMEM);
    errno = 0;
}

static void *take_and_exit(void *unused) {
    for (int i = 0; i < 20000; i++)
        free(check_keep(malloc((size_t)(i % 3000))));
    return unused;
}

static void be_hard(void) {
    void *aligned = &aligned;
    errno = 0;
    CHECK(check_value("hard_limit_bytes") == 64 * MIB);
    int count = fill(MIB);
    CHECK(count >= 56 && count < 64 && errno == ENOMEM);
    free(blocks[--count]); /* for stdio */
    CHECK(check_resident_bytes() < 72 * MIB);
    check_refused(check_keep(calloc(8, MIB)));
    check_refused(check_keep(memalign(MIB, 8 * MIB)));
    check_refused(check_keep(realloc(blocks[0], 16 * MIB)));
    CHECK(posix_memalign(&aligned, 64, 8 * MIB) == ENOMEM && aligned == &aligned);
    CHECK(((char *)blocks[0])[MIB - 1] == 1); /* as it was */
    CHECK(check_value("limit_failures") > 0);
    empty(count);
    for (size_t bytes = 100; bytes < 200000; bytes = bytes * 5 / 2) {
        count = fill(bytes);
        CHECK(count == MOST || (size_t)count * bytes > 40 * MIB);
        for (int some = count / 20; some >= 0; some--)
            free(blocks[--count]); /* for stdio */
        CHECK(check_resident_bytes() < 72 * MIB);
        empty(count);
    }
    /* All that small blocks had is there for one large one. */
    void *large = check_keep(malloc(56 * MIB));
    CHECK(large != NULL);
    free(large);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, take_and_exit, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void be_soft(void) {
    CHECK(check_value("soft_limit_bytes") == 64 * MIB);
    for (size_t bytes = 1000; bytes < 2 * MIB; bytes *= 10) {
        size_t taken = 0;
        int count;
        for (count = 0; taken < 96 * MIB; taken += bytes, count++) {
            blocks[count] = check_keep(malloc(bytes));
            CHECK(blocks[count] != NULL);
            memset(blocks[count], 1, bytes);
        }
        empty(count);
        CHECK(check_resident_bytes() < 72 * MIB);
        CHECK(check_value("dirty_bytes") <= 64 * MIB);
    }
    CHECK(check_value("limit_trims") > 0);
    /* Below the limit, dirty memory is kept as the knob of that says. */
    int count = 0;
    for (; count < 48; count++)
        blocks[count] = memset(check_keep(malloc(MIB)), 1, MIB);
    empty(count);
    CHECK(check_value("dirty_bytes") >= 48 * MIB);
}

static void run_again(char **argv, const char *which, const char *knob) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setenv("CHECK_CEILING", which, 1);
        setenv(knob, "64m", 1);
        setenv("HAKMEM_DIRTY_MIN", "1g", 1);
        execv("/proc/self/exe", argv);
        _exit(1);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv) {
    const char *which = getenv("CHECK_CEILING");
    if (check_is_sampled())
        SKIP("sampled blocks take more memory");
    (void)argc;
    if (which && strcmp(which, "hard") == 0) {
        be_hard();
    } else if (which) {
        be_soft();
    } else {
        run_again(argv, "hard", "HAKMEM_HARD_LIMIT");
        run_again(argv, "soft", "HAKMEM_SOFT_LIMIT");
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * No function of the library is a cancellation point. A thread with a pending cancellation calls
 * each, in slow paths of every kind, comes out of it, and ends at its own pthread_testcancel. All
 * of it again hardened, sampled, with guarded blocks, at a limit, with complaints switched on. A
 * fatal report ends the process, not the thread.
 */
#include "check.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

enum { SLOTS = 3000 };

static void *given[20 * SLOTS];
static volatile int steps_done;
static pthread_barrier_t barrier;

static void ignore(void *context, const char *name, const char *unit, uint64_t value) {
    (void)context, (void)name, (void)unit, (void)value;
}

static void call_small(void) {
    void *slots[SLOTS];
    for (size_t i = 0; i < SLOTS; i++)
        CHECK((slots[i] = malloc(i * 17 % 3000)) != NULL);
    for (size_t i = 0; i < SLOTS; i++)
        free(slots[i]);
}

static void call_large(void) {
    void *block = NULL;
    for (size_t bytes = 1; bytes < 40000000; bytes += bytes / 3 + 1)
        CHECK((block = realloc(block, bytes)) != NULL);
    free(block);
    for (size_t bytes = 1; bytes < 3000000; bytes *= 3)
        free(check_keep(calloc(1, bytes)));
}

static void call_aligned(void) {
    void *block = NULL;
    for (size_t alignment = 16; alignment < 4000000; alignment *= 4) {
        free(check_keep(memalign(alignment, 100)));
        free(check_keep(aligned_alloc(alignment, 70000)));
        CHECK(posix_memalign(&block, alignment, 300) == 0 && malloc_usable_size(block) >= 300);
        free(block);
    }
    free(check_keep(valloc(100)));
    free(check_keep(pvalloc(100)));
    free(check_keep(reallocarray(NULL, 10, 10)));
}

/* Why memory can't be had is looked up, and may be said. */
static void call_refused(void) {
    CHECK(check_keep(malloc(check_size(PTRDIFF_MAX))) == NULL);
    CHECK(check_keep(malloc(check_size((size_t)1 << 46))) == NULL);
    CHECK(check_keep(calloc(check_size((size_t)1 << 46), 2)) == NULL);
    CHECK(check_keep(memalign(64, check_size((size_t)1 << 47))) == NULL);
}

static void call_foreign(void) {
    void *(*libc_malloc)(size_t);
    *(void **)&libc_malloc = dlsym(RTLD_DEFAULT, "__libc_malloc");
    if (libc_malloc) {
        void *block = check_keep(libc_malloc(100));
        CHECK(malloc_usable_size(block) >= 100);
        block = realloc(block, 200);
        free(block);
        free(check_keep(libc_malloc(1 << 20)));
    }
}

static void call_remote(void) {
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        free(given[i]);
}

/* Of the calls that tell, those that don't go through stdio. */
static void call_reports(void) {
    int (*each)(void (*)(void *, const char *, const char *, uint64_t), void *);
    int (*write_all)(int);
    size_t (*purge)(void);
    *(void **)&each = dlsym(RTLD_DEFAULT, "hakmem_stats_each");
    *(void **)&write_all = dlsym(RTLD_DEFAULT, "hakmem_stats_write");
    *(void **)&purge = dlsym(RTLD_DEFAULT, "hakmem_purge");
    CHECK(each && write_all && purge);
    each(ignore, NULL);
    CHECK(write_all(STDOUT_FILENO) == 0);
    purge();
    mallinfo2();
    mallopt(M_TRIM_THRESHOLD, 3 << 20);
    malloc_trim(0);
    malloc_stats();
}

static void (*const steps[])(void) = {call_small,   call_large,  call_aligned, call_refused,
                                      call_foreign, call_remote, call_reports};
enum { STEPS = sizeof steps / sizeof steps[0] };

static void *take_steps(void *unused) {
    CHECK(pthread_cancel(pthread_self()) == 0); /* deferred: pending from here on */
    for (steps_done = 0; steps_done < STEPS; steps_done++)
        steps[steps_done]();
    pthread_testcancel();
    return unused;
}

/* The same without a heap of its own until then, while others hold locks. */
static void *churn(void *unused) {
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 300; i++)
        call_small();
    return unused;
}

static void run_steps(void) {
    pthread_t thread, others[2];
    void *result;
    CHECK(pthread_barrier_init(&barrier, NULL, 3) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&others[i], NULL, churn, NULL) == 0);
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        CHECK((given[i] = malloc(64)) != NULL);
    steps_done = -1;
    pthread_barrier_wait(&barrier);
    CHECK(pthread_create(&thread, NULL, take_steps, NULL) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    if (steps_done != STEPS)
        fprintf(stderr, "cancelled in step %d\n", steps_done);
    CHECK(steps_done == STEPS && result == PTHREAD_CANCELED);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(others[i], NULL) == 0);
}

static void *free_twice(void *unused) {
    CHECK(pthread_cancel(pthread_self()) == 0);
    char *block = check_keep(malloc(100));
    free(block);
    free(check_keep(block));
    return unused;
}

static void check_report(void) {
    int status;
    pthread_t thread;
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(pthread_create(&thread, NULL, free_twice, NULL) == 0);
        pthread_join(thread, NULL);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(int count, char **words) {
    static const char *const profiles[][2] = {
        {"HAKMEM_PROFILE", "hardened"}, {"HAKMEM_SAMPLE", "1"}, {"HAKMEM_GUARD_SAMPLE", "3"},
        {"HAKMEM_SOFT_LIMIT", "8m"},    {"HAKMEM_STATS", "1"},  {"HAKMEM_LOG", "1"},
        {"HAKMEM_HARD_LIMIT", "1024m"}, {"HAKMEM_PURGE", "no"},
    };
    int null = open("/dev/null", O_WRONLY);
    CHECK(dup2(null, STDOUT_FILENO) >= 0);
    call_foreign(); /* libc's own malloc starts with a cancellation point */
    run_steps();
    check_report();
    for (size_t i = 0; count == 1 && i < sizeof profiles / sizeof profiles[0]; i++) {
        int status;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            setenv(profiles[i][0], profiles[i][1], 1);
            execl("/proc/self/exe", words[0], profiles[i][1], (char *)NULL);
            _exit(1);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
    return 0;
}

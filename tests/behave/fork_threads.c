/* SPDX-License-Identifier: MIT */
/*
 * fork while 32 threads allocate and free: each child goes on allocating, frees what it inherited,
 * starts threads and forks again; none hangs. What threads of the parent owned serves the child
 * when it is free. Also vfork, posix_spawn and _Fork. FORKS= sets how many.
 */
#include "check.h"

#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { THREADS = 32, INHERITED = 400, CHILD_SECONDS = 60 };

static atomic_bool stop;
static unsigned char *inherited[INHERITED];

static size_t size_of(int i) {
    return i % 97 == 0 ? (size_t)100000 : (size_t)(i % 40) * 29 + 1;
}

static void *allocate(void *argument) {
    uint64_t state = (uintptr_t)argument * 99991;
    void *kept[64] = {NULL};
    struct timespec nap = {0, 300000};
    for (unsigned i = 1; !atomic_load(&stop); i++) {
        uint64_t random = check_random(&state);
        size_t size = random % 100 == 0 ? 1000000 : random % 2000;
        free(kept[random >> 20 & 63]);
        kept[random >> 20 & 63] = malloc(size);
        CHECK(kept[random >> 20 & 63] != NULL);
        if (i % 200 == 0)
            nanosleep(&nap, NULL); /* lets children have a core now and then */
    }
    for (int i = 0; i < 64; i++)
        free(kept[i]);
    return NULL;
}

static void *allocate_a_little(void *unused) {
    for (int i = 0; i < 500; i++)
        free(malloc((size_t)i * 10));
    return unused;
}

static void use_heap(unsigned seed) {
    for (int i = 0; i < INHERITED; i++) {
        CHECK(check_filled(inherited[i], size_of(i), (unsigned)i));
        if ((unsigned)i % 3 == seed % 3) {
            inherited[i] = realloc(inherited[i], size_of(i) * 2);
            CHECK(inherited[i] && check_filled(inherited[i], size_of(i), (unsigned)i));
        } else if ((unsigned)i % 3 == (seed + 1) % 3) {
            free(inherited[i]);
            inherited[i] = malloc(size_of(i));
            CHECK(inherited[i] != NULL);
            check_fill(inherited[i], size_of(i), (unsigned)i);
        }
    }
    void *large = calloc(1, (size_t)2 << 20);
    CHECK(large && check_zero(large, (size_t)2 << 20));
    free(large);
}

static void wait_for(pid_t child) {
    int status = 0;
    CHECK(child > 0);
    while (waitpid(child, &status, 0) < 0)
        CHECK(errno == EINTR);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void be_child(unsigned seed) {
    pthread_t thread;
    alarm(CHILD_SECONDS);
    use_heap(seed);
    if (seed % 4 == 0) {
        CHECK(pthread_create(&thread, NULL, allocate_a_little, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    if (seed % 8 == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) {
            alarm(CHILD_SECONDS);
            use_heap(seed + 1);
            _exit(0);
        }
        wait_for(grandchild);
    }
    _exit(0);
}

static void check_vfork(void) {
    for (int i = 0; i < 50; i++) {
        pid_t child = vfork();
        if (child == 0) {
            void *block = malloc(100);
            free(block);
            _exit(block ? 0 : 1);
        }
        wait_for(child);
        static char name[] = "true";
        char *const arguments[] = {name, NULL};
        pid_t spawned;
        CHECK(posix_spawnp(&spawned, "true", NULL, NULL, arguments, environ) == 0);
        wait_for(spawned);
    }
}

#if defined(__GLIBC__) && !__GLIBC_PREREQ(2, 34)
static pid_t _Fork(void) {
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
#endif

/* _Fork runs no fork handlers; alone in its process a thread may count on its heap. */
static void check_bare_fork(void) {
    for (unsigned i = 0; i < 20; i++) {
        pid_t child = _Fork();
        if (child == 0)
            be_child(i * 4 + 1);
        wait_for(child);
    }
}

enum { LEFT = 4000, LEFT_BYTES = 1000 };
static void *left[LEFT];
static atomic_bool is_left;

static void *leave_and_sleep(void *unused) {
    for (int i = 0; i < LEFT; i++)
        CHECK((left[i] = malloc(LEFT_BYTES)) != NULL);
    atomic_store(&is_left, true);
    while (!atomic_load(&stop))
        usleep(1000);
    return unused;
}

static int by_address(const void *a, const void *b) {
    uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;
    return x < y ? -1 : x > y;
}

/* In the child: the thread that owned the blocks is not there to take them back. */
static void check_reuse(void) {
    int reused = 0;
    qsort(left, LEFT, sizeof *left, by_address);
    for (int i = 0; i < LEFT; i++)
        free(left[i]);
    for (int i = 0; i < LEFT; i++) {
        void *block = malloc(LEFT_BYTES);
        reused += bsearch(&block, left, LEFT, sizeof *left, by_address) != NULL;
    }
    /* each sampled block is at an address of its own */
    CHECK(reused > LEFT / 2 || check_is_sampled());
}

static void check_left_blocks(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, leave_and_sleep, NULL) == 0);
    while (!atomic_load(&is_left))
        usleep(1000);
    pid_t child = fork();
    if (child == 0) {
        check_reuse();
        _exit(0);
    }
    wait_for(child);
    atomic_store(&stop, true);
    CHECK(pthread_join(thread, NULL) == 0);
    atomic_store(&stop, false);
}

int main(void) {
    pthread_t threads[THREADS];
    unsigned forks = (unsigned)check_setting("FORKS", 100);
    for (int i = 0; i < INHERITED; i++) {
        inherited[i] = malloc(size_of(i));
        CHECK(inherited[i] != NULL);
        check_fill(inherited[i], size_of(i), (unsigned)i);
    }
    check_bare_fork();
    check_vfork();
    check_left_blocks();
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, allocate, (void *)(i + 1)) == 0);
    for (unsigned i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0)
            be_child(i);
        wait_for(child);
    }
    check_vfork();
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    use_heap(0);
    return 0;
}

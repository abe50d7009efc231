/* SPDX-License-Identifier: MIT */
/*
 * After the program's start, memory alone is asked of the system: a filter stops the test at any
 * system call but mmap, munmap, mremap, madvise, mprotect, futex and clock_gettime, which is one
 * where the clock can't be read without (and those by which the test ends). Threads whose first
 * malloc comes after the filter are part of it; so are blocks that libc gave out before, a heap
 * profile, whose first samples come after it, and the hardened allocator.
 */
#include "check.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stdatomic.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { THREADS = 4, SLOTS = 400 };

#define ALLOW(name)                                                                                \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                         \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter instructions[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(mmap),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(mprotect),
    ALLOW(futex),
    ALLOW(clock_gettime),
    ALLOW(write),
    ALLOW(exit_group),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
};

static atomic_int ready;
static atomic_int go;
static atomic_int done;
static void *_Atomic exchanged[SLOTS];

void *__libc_malloc(size_t size);
void *__libc_memalign(size_t alignment, size_t size);

enum { LIBC_BLOCKS = 12 };
static void *libc_blocks[LIBC_BLOCKS];

static void name_call(int signal_number, siginfo_t *info, void *context) {
    char text[80];
    (void)signal_number;
    (void)context;
    snprintf(text, sizeof text, "failed: system call %d is made", info->si_syscall);
    check_say(__FILE__, __LINE__, text);
    _exit(1);
}

static void futex_wait(atomic_int *word, int value) {
    while (atomic_load(word) == value)
        syscall(SYS_futex, word, 0 /* FUTEX_WAIT */, value, NULL, NULL, 0);
}

static void work(uint64_t state) {
    void *blocks[SLOTS] = {NULL};
    for (int i = 0; i < 30000; i++) {
        uint64_t random = check_random(&state);
        unsigned at = (unsigned)(random % SLOTS);
        size_t size = random >> 12 & 63 ? random >> 20 & 2047 : random >> 20 & 0xffffff;
        switch (random >> 60) {
        case 0:
            blocks[at] = realloc(blocks[at], size + 1);
            break;
        case 1:
            free(blocks[at]), blocks[at] = calloc(1, size + 1);
            break;
        case 2:
            free(blocks[at]), blocks[at] = memalign(4096, size + 1);
            break;
        case 3:
            free(atomic_exchange(&exchanged[at], malloc(size + 1)));
            continue;
        default:
            free(blocks[at]), blocks[at] = malloc(size + 1);
        }
        CHECK(blocks[at] != NULL);
        memset(blocks[at], 1, size > 5000 ? 5000 : size + 1);
    }
    malloc_trim(0);
    for (int i = 0; i < SLOTS; i++)
        free(blocks[i]);
}

/* Some are small ones of an arena, some have mappings of their own. */
static void take_libc_blocks(void) {
    for (int i = 0; i < LIBC_BLOCKS; i++) {
        size_t size = i % 3 ? 100 : (size_t)3 << 20;
        libc_blocks[i] = i % 2 ? __libc_malloc(size) : __libc_memalign(256, size);
        CHECK(libc_blocks[i] && malloc_usable_size(libc_blocks[i]) >= size);
        memset(libc_blocks[i], i, size);
    }
}

static void give_libc_blocks(void) {
    for (int i = 0; i < LIBC_BLOCKS; i++) {
        CHECK(malloc_usable_size(libc_blocks[i]) >= 100);
        if (i % 2)
            libc_blocks[i] = realloc(libc_blocks[i], 5000000);
        CHECK(((unsigned char *)libc_blocks[i])[99] == i);
        free(libc_blocks[i]);
    }
}

/* Moved by pages; several mappings; refused. */
static void grow_large(void) {
    size_t size = (size_t)20 << 20;
    char *block = malloc(size);
    for (int i = 0; i < 4; i++) {
        void *wall = malloc(100000);
        madvise(block + 4096, size - 4096, MADV_HUGEPAGE);
        block[size - 1] = 5;
        block = realloc(block, size * 3 / 2);
        CHECK(block && block[size - 1] == 5);
        size = size * 3 / 2;
        CHECK(check_keep(malloc(check_size(PTRDIFF_MAX))) == NULL && errno == ENOMEM);
        free(wall);
    }
    CHECK(check_keep(realloc(block, check_size((size_t)1 << 50))) == NULL);
    free(block);
    for (int i = 0; i < 300; i++) {
        char *buffer = malloc(300000);
        memset(buffer, 1, 300000);
        void *wall = malloc(100000);
        buffer = realloc(buffer, 900000);
        buffer[899999] = 1;
        free(wall);
        free(buffer);
    }
}

/* Ends in a wait, not in thread exit, which needs system calls that are not the heap's. */
__attribute__((noreturn)) static void *be_thread(void *argument) {
    atomic_fetch_add(&ready, 1);
    futex_wait(&go, 0);
    work((uintptr_t)argument);
    atomic_fetch_add(&done, 1);
    syscall(SYS_futex, &done, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
    for (;;)
        futex_wait(&go, 1);
}

/* Itself, with a setting. */
static void run_again(char **argv, const char *name, const char *value) {
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setenv("CHECK_AGAIN", "no", 1);
        setenv(name, value, 1);
        setenv("HAKMEM_SAMPLE_MEAN", "8m", 1); /* none is sampled before the filter */
        execv("/proc/self/exe", argv);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv) {
    (void)argc;
    if (!getenv("CHECK_AGAIN") && check_is_hakmem()) {
        run_again(argv, "HAKMEM_SAMPLE", "1");
        run_again(argv, "HAKMEM_PROFILE", "hardened");
        run_again(argv, "HAKMEM_LOG", "1");
    }
    pthread_t thread;
    struct sigaction action = {.sa_sigaction = name_call, .sa_flags = SA_SIGINFO};
    struct sock_fprog program = {sizeof instructions / sizeof instructions[0], instructions};
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread, NULL, be_thread, (void *)(i + 1)) == 0);
    free(malloc(10));
    if (!check_is_hakmem())
        return 0;
    take_libc_blocks();
    while (atomic_load(&ready) < THREADS)
        sched_yield();
    CHECK(sigaction(SIGSYS, &action, NULL) == 0);
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
        SKIP("this kernel has no seccomp filters");
    atomic_store(&go, 1);
    syscall(SYS_futex, &go, 1 /* FUTEX_WAKE */, THREADS, NULL, NULL, 0);
    give_libc_blocks();
    grow_large();
    work(12345);
    for (int count; (count = atomic_load(&done)) < THREADS;)
        futex_wait(&done, count);
    _exit(0);
}

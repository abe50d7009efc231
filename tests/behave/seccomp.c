/* SPDX-License-Identifier: MIT */
/*
 * After the program's start, memory alone is asked of the system: a filter stops the test at any
 * system call but mmap, munmap, mremap, madvise, mprotect and futex (and those by which the test
 * ends). Threads whose first malloc comes after the filter are part of it; so is a heap profile,
 * whose first samples do.
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
    ALLOW(write),
    ALLOW(exit_group),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
};

static atomic_int ready;
static atomic_int go;
static atomic_int done;
static void *_Atomic exchanged[SLOTS];

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

/* Rarely enough that nothing is sampled before the filter. */
static void run_sampled(char **argv) {
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        setenv("HAKMEM_SAMPLE", "1", 1);
        setenv("HAKMEM_SAMPLE_MEAN", "8m", 1);
        execv("/proc/self/exe", argv);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv) {
    (void)argc;
    if (!getenv("HAKMEM_SAMPLE"))
        run_sampled(argv);
    pthread_t thread;
    struct sigaction action = {.sa_sigaction = name_call, .sa_flags = SA_SIGINFO};
    struct sock_fprog program = {sizeof instructions / sizeof instructions[0], instructions};
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread, NULL, be_thread, (void *)(i + 1)) == 0);
    free(malloc(10));
    if (!check_is_hakmem())
        return 0;
    while (atomic_load(&ready) < THREADS)
        sched_yield();
    CHECK(sigaction(SIGSYS, &action, NULL) == 0);
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
        SKIP("this kernel has no seccomp filters");
    atomic_store(&go, 1);
    syscall(SYS_futex, &go, 1 /* FUTEX_WAKE */, THREADS, NULL, NULL, 0);
    work(12345);
    for (int count; (count = atomic_load(&done)) < THREADS;)
        futex_wait(&done, count);
    _exit(0);
}

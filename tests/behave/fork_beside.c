/* SPDX-License-Identifier: MIT */
/*
 * fork beside whatever else a process does: stdio, the user database, dlopen and setlocale in other
 * threads; from a signal handler that interrupted malloc; by the bare system call; vfork,
 * posix_spawn and system; forks of forks. Each child does all that one can with malloc. With one
 * thread and with 64, in the normal and the hardened profile, with counters in a segment, and while
 * the heap profile runs; and where the kernel clears no page in children. FORKS= of each kind.
 */
#include "fork_child.h"

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

enum { OTHERS = 6 };

static int threads;
static unsigned long forks;

/* ---- what others do meanwhile ---- */

static void *read_lines(void *unused) {
    char *line = NULL;
    size_t room = 0;
    while (!atomic_load(&fork_stop)) {
        FILE *stream = fopen("/proc/self/status", "r");
        CHECK(stream != NULL);
        while (getline(&line, &room, stream) > 0)
            ;
        fclose(stream);
        free(line);
        line = NULL;
        room = 0;
        usleep(200);
    }
    return unused;
}

static void *flush_all(void *unused) {
    while (!atomic_load(&fork_stop)) {
        fflush(NULL);
        usleep(100);
    }
    return unused;
}

static void *look_up_user(void *unused) {
    while (!atomic_load(&fork_stop)) {
        (void)getpwnam("root");
        (void)getpwnam("nobody at all");
        usleep(500);
    }
    return unused;
}

static void *load_library(void *unused) {
    while (!atomic_load(&fork_stop)) {
        void *library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
        if (library)
            dlclose(library);
        usleep(500);
    }
    return unused;
}

static void *change_locale(void *unused) {
    for (bool is_c = false; !atomic_load(&fork_stop); is_c = !is_c) {
        setlocale(LC_ALL, is_c ? "C" : "C.UTF-8");
        usleep(500);
    }
    return unused;
}

static void *allocate_a_little(void *unused) {
    for (size_t i = 0; i < 100; i++)
        free(malloc(i * 20));
    usleep(500);
    return unused;
}

static void *come_and_go(void *unused) {
    while (!atomic_load(&fork_stop)) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, allocate_a_little, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    return unused;
}

/* ---- ways to fork ---- */

static void be_child(unsigned long number) {
    fork_use_everything(threads);
    if (number % 4 == 0) {
        pid_t child = fork();
        if (child == 0) {
            fork_use_everything(threads);
            _exit(0);
        }
        fork_wait(child);
    }
    _exit(0);
}

static void fork_often(void) {
    uint64_t state = 5;
    for (unsigned long i = 0; i < forks; i++) {
        fork_step(0, threads, &state);
        pid_t child = fork();
        if (child == 0)
            be_child(i);
        fork_wait(child);
    }
}

static void fork_barely(void) {
    for (unsigned long i = 0; i < forks; i++) {
        pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (child == 0) {
            fork_use_everything(threads);
            _exit(0);
        }
        fork_wait(child);
    }
}

__attribute__((noinline)) static void start_by_vfork(void) {
    pid_t child = vfork();
    if (child == 0) {
        void *block = malloc(100), *large = malloc(200000);
        free(large);
        free(block);
        _exit(block && large ? 0 : 1);
    }
    fork_wait(child);
}

static void start_programs(void) {
    static char name[] = "true";
    char *const arguments[] = {name, NULL};
    for (unsigned long i = 0; i < forks / 4 + 1; i++) {
        pid_t child;
        start_by_vfork();
        CHECK(posix_spawnp(&child, "true", NULL, NULL, arguments, environ) == 0);
        fork_wait(child);
        CHECK(system("true") == 0);
    }
}

static volatile sig_atomic_t handled;

/* The child goes on where the signal came, and proves afterwards that it can. */
static void fork_in_handler(int number) {
    int saved_errno = errno;
    (void)number;
    if (fork_is_child || handled >= (sig_atomic_t)forks)
        return;
    handled++;
    pid_t child = handled % 3 ? fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        fork_is_child = 1;
    else
        fork_wait(child);
    errno = saved_errno;
}

static void fork_by_signal(void) {
    struct sigaction action = {.sa_handler = fork_in_handler, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
    uint64_t state = 7;
    handled = 0;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    while (!fork_is_child && handled < (sig_atomic_t)forks)
        for (int i = 0; i < 20 && !fork_is_child; i++)
            fork_step(0, threads, &state);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(signal(SIGALRM, SIG_DFL) != SIG_ERR);
    fork_end_child(threads);
    alarm(CHECK_HANG_SECONDS);
}

/* ---- */

static void run_all(void) {
    static void *(*const parts[OTHERS])(void *) = {read_lines,   flush_all,     look_up_user,
                                                   load_library, change_locale, come_and_go};
    pthread_t others[OTHERS];
    fork_begin_threads(threads);
    fork_by_signal(); /* no thread is in stdio, whose locks the handler would wait for */
    for (int i = 0; i < OTHERS && threads > 1; i++)
        CHECK(pthread_create(&others[i], NULL, parts[i], NULL) == 0);
    fork_often();
    fork_barely();
    start_programs();
    fork_end_threads(threads);
    for (int i = 0; i < OTHERS && threads > 1; i++)
        CHECK(pthread_join(others[i], NULL) == 0);
}

/* From here on the kernel clears no page in children. */
static void refuse_to_clear(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_WIPEONFORK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof code[0], code};
    /* Where there are no filters it is one more run without. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        prctl(PR_SET_SECCOMP, 2, &filter);
}

static void run_again(char *setting, char *count, bool is_refused) {
    char *const arguments[] = {(char *)"/proc/self/exe", count, NULL};
    pid_t child = fork();
    if (child == 0) {
        if (setting)
            putenv(setting);
        if (is_refused)
            refuse_to_clear();
        execv(arguments[0], arguments);
        _exit(127);
    }
    alarm(CHECK_HANG_SECONDS); /* for the next one */
    fork_wait(child);
}

int main(int count, char **arguments) {
    static char hardened[] = "HAKMEM_PROFILE=hardened", shared[] = "HAKMEM_STATS=1",
                sampled[] = "HAKMEM_SAMPLE=1", one[] = "0", some[] = "1", many[] = "64";
    char *settings[] = {NULL, hardened, shared, sampled};
    forks = check_setting("FORKS", 4);
    if (count > 1) {
        threads = atoi(arguments[1]);
        run_all();
        return 0;
    }
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        run_again(settings[i], one, false);
        run_again(settings[i], some, i == 0);
        run_again(settings[i], many, false);
    }
    return 0;
}

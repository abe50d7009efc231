/* SPDX-License-Identifier: MIT */
/*
 * Forks while other threads allocate, with a library in the process whose fork handlers allocate,
 * and whose lock they take. Arguments: threads, forks. The library may be missing.
 */
#include "../fork_child.h"

void fork_library_work(void) __attribute__((weak));

static void *work(void *unused) {
    while (fork_library_work && !atomic_load(&fork_stop)) {
        fork_library_work();
        usleep(100);
    }
    return unused;
}

int main(int count, char **arguments) {
    int threads = count > 1 ? atoi(arguments[1]) : 1, forks = count > 2 ? atoi(arguments[2]) : 10;
    pthread_t worker;
    CHECK(fork_library_work != NULL);
    fork_begin_threads(threads);
    CHECK(pthread_create(&worker, NULL, work, NULL) == 0);
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0) {
            fork_library_work();
            fork_use_everything(threads);
            _exit(0);
        }
        fork_wait(child);
    }
    fork_end_threads(threads);
    CHECK(pthread_join(worker, NULL) == 0);
    return 0;
}

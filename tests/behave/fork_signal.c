/* SPDX-License-Identifier: MIT */
/*
 * A signal handler forks, whatever malloc is doing at that moment: neither the parent nor the child
 * may hang, with one thread and with several. The handler calls nothing but what POSIX lets it.
 */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

enum { FORKS = 150 };

static volatile sig_atomic_t forks;
static volatile sig_atomic_t failures;
static atomic_bool stop;

static void fork_now(int signal_number) {
    int saved_errno = errno, status = 0;
    (void)signal_number;
    if (forks >= FORKS)
        return; /* on a busy machine a fork outlasts the timer, and nothing else would run */
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
        failures++;
    forks++;
    errno = saved_errno;
}

static void *allocate(void *argument) {
    uint64_t state = (uintptr_t)argument * 31337;
    unsigned char *kept[200] = {NULL};
    while (!atomic_load(&stop)) {
        uint64_t random = check_random(&state);
        unsigned char **slot = &kept[random % 200];
        size_t size = random >> 8 & 15 ? random >> 16 & 1023 : random >> 16 & 0x3fffff;
        if (*slot)
            CHECK((*slot)[0] == (unsigned char)(slot - kept));
        *slot = random >> 60 ? realloc(*slot, size + 1) : (free(*slot), calloc(1, size + 1));
        CHECK(*slot != NULL);
        (*slot)[0] = (unsigned char)(slot - kept);
        if (argument == (void *)1 && forks >= FORKS)
            break;
    }
    for (int i = 0; i < 200; i++)
        free(kept[i]);
    return NULL;
}

static void check_storm(int threads) {
    pthread_t others[8];
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec often = {{0, 1000000}, {0, 1000000}}, never = {{0, 0}, {0, 0}};
    forks = 0;
    atomic_store(&stop, false);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_create(&others[i], NULL, allocate, (void *)(uintptr_t)(i + 2)) == 0);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &often, NULL) == 0);
    allocate((void *)1);
    CHECK(timer_settime(timer, 0, &never, NULL) == 0 && timer_delete(timer) == 0);
    atomic_store(&stop, true);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_join(others[i], NULL) == 0);
    CHECK(failures == 0);
}

int main(void) {
    struct sigaction action = {.sa_handler = fork_now, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    check_storm(0);
    /* With other threads libc's own fork locks stdio and malloc, and its own malloc would hang. */
    if (check_is_hakmem())
        check_storm(4);
    return 0;
}

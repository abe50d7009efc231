/* SPDX-License-Identifier: MIT */
/*
 * The signals that end --watch, and the wait between two looks where there are no keys.
 */
#define _GNU_SOURCE
#include "stat/screen_signals.h"

#include "stat/screen.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t was_told;
static sigset_t outside; /* the mask that we were started with: the signals come during the wait */

static void on_signal(int number) {
    (void)number;
    was_told = 1;
}

void hak_screen_catch(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaddset(&blocked, numbers[i]);
        sigaction(numbers[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, &outside);
}

int hak_screen_signals_wait(int descriptor, int timeout_ms) {
    struct pollfd keys = {.fd = descriptor, .events = POLLIN};
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    int ready = ppoll(&keys, 1, &timeout, &outside);
    return was_told ? HAK_KEY_END : ready == 0 ? HAK_KEY_NONE : HAK_KEY_REDRAW;
}

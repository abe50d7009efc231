/* SPDX-License-Identifier: MIT */
/*
 * Owns the enumeration of schedules. The threads are real, but one of them runs at a time. Without
 * a switch each runs to its end; a schedule is the points at which another one takes over, and all
 * schedules with up to so many switches are run. A thread that sleeps on a futex runs again only
 * when it was woken: if nobody can run, a wake-up was lost.
 */
#include "schedule.h"

#include "unit.h"

#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>

#undef syscall

enum { MOST_SWITCHES = 3, MOST_POINTS = 4096, EXIT_ROUNDS = 4, HANG_SECONDS = 600, NOBODY = -1 };

struct plan {
    int first; /* the thread that begins */
    int count;
    unsigned at[MOST_SWITCHES];
    int to[MOST_SWITCHES];
};

static const struct schedule_scenario *running;
static struct plan plan;
static int next_switch;
static bool is_strayed; /* what earlier runs left behind led another way: the switch was none */
static unsigned points;
/* Who could have taken over at a point, in the last run with so many switches. */
static unsigned char able[MOST_SWITCHES + 1][MOST_POINTS];
static bool is_on;
static int current;
static void *volatile sleeps_on[SCHEDULE_MOST_THREADS];
static bool is_done[SCHEDULE_MOST_THREADS];
static sem_t turn[SCHEDULE_MOST_THREADS], back;
static pthread_key_t end_key;
static __thread int me = NOBODY;
static __thread int rounds;

static void tell_plan(const char *what) {
    fprintf(stderr, "%s: %s; thread %d begins", running->name, what, plan.first);
    for (int i = 0; i < plan.count; i++)
        fprintf(stderr, ", at %u thread %d", plan.at[i], plan.to[i]);
    fprintf(stderr, "\n");
}

/* Failures of the library end in a signal: the schedule is told. */
static void on_signal(int number) {
    tell_plan(number == SIGALRM ? "hangs" : "stopped");
    _exit(1);
}

void schedule_check(bool condition, int line, const char *text) {
    if (condition)
        return;
    fprintf(stderr, "line %d: failed: ", line);
    tell_plan(text);
    _exit(1);
}

static void run_thread(int thread) {
    current = thread;
    sem_post(&turn[thread]);
}

static void wait_for_turn(void) {
    while (sem_wait(&turn[me]) != 0)
        ;
}

static void fall_asleep(void *word);

/* What the last thread sleeps on while others go on. */
static char others_gone;

void schedule_wait_for_others(void) {
    for (int i = 0; i < running->threads; i++)
        if (i != me && !is_done[i]) {
            fall_asleep(&others_gone);
            return;
        }
}

void schedule_leave(void) {
    is_on = false;
    alarm(HANG_SECONDS);
}

/* The thread that is left over may go on. */
static void wake_last(void) {
    int left = NOBODY, count = 0;
    for (int i = 0; i < running->threads; i++)
        if (!is_done[i]) {
            left = i;
            count++;
        }
    if (count == 1 && sleeps_on[left] == &others_gone)
        sleeps_on[left] = NULL;
}

static bool can_run(int thread) {
    return !is_done[thread] && !sleeps_on[thread];
}

static int anybody(void) {
    for (int i = 0; i < running->threads; i++)
        if (can_run(i))
            return i;
    return NOBODY;
}

static unsigned char others_that_can_run(void) {
    unsigned mask = 0;
    for (int i = 0; i < running->threads; i++)
        if (i != me && can_run(i))
            mask |= 1u << i;
    return (unsigned char)mask;
}

void schedule_point(void) {
    if (me == NOBODY || !is_on)
        return;
    unsigned at = points++;
    if (at < MOST_POINTS)
        able[plan.count][at] = others_that_can_run();
    if (next_switch >= plan.count || plan.at[next_switch] != at)
        return;
    int to = plan.to[next_switch++];
    if (to == me || !can_run(to)) {
        is_strayed = true;
        return;
    }
    run_thread(to);
    wait_for_turn();
}

static void fall_asleep(void *word) {
    sleeps_on[me] = word;
    int next = anybody();
    if (next == NOBODY) {
        tell_plan("nobody can run: a wake-up was lost");
        _exit(1);
    }
    run_thread(next);
    wait_for_turn();
}

static long wake(const void *word, unsigned count) {
    long woken = 0;
    for (int i = 0; i < running->threads && (unsigned)woken < count; i++)
        if (sleeps_on[i] == word) {
            sleeps_on[i] = NULL;
            woken++;
        }
    return woken;
}

/* Of six words: which of them a call takes is the system's business. */
static long call_system(long number, va_list arguments) {
    long first = va_arg(arguments, long), second = va_arg(arguments, long);
    long third = va_arg(arguments, long), fourth = va_arg(arguments, long);
    return syscall(number, first, second, third, fourth, 0L, 0L);
}

/* A sleep that ends by itself is one that doesn't: nobody may need that. */
long schedule_syscall(long number, ...) {
    va_list arguments;
    va_start(arguments, number);
    if (number != SYS_futex) {
        long result = call_system(number, arguments);
        va_end(arguments);
        return result;
    }
    void *word = va_arg(arguments, void *);
    int operation = va_arg(arguments, int);
    unsigned value = va_arg(arguments, unsigned);
    void *most = va_arg(arguments, void *);
    va_end(arguments);
    if (me == NOBODY || !is_on)
        return syscall(number, word, operation, value, most, NULL, 0);
    schedule_point();
    if (operation == FUTEX_WAKE_PRIVATE)
        return wake(word, value);
    CHECK(operation == FUTEX_WAIT_PRIVATE);
    if (*(unsigned *)word == value)
        fall_asleep(word);
    return 0;
}

/* In the last round of destructors the thread has given its heap up. */
static void end_thread(void *argument) {
    if (++rounds < EXIT_ROUNDS) {
        pthread_setspecific(end_key, argument);
        return;
    }
    is_done[me] = true;
    wake_last();
    int next = anybody();
    me = NOBODY;
    if (next != NOBODY) {
        run_thread(next);
        return;
    }
    for (int i = 0; i < running->threads; i++)
        if (!is_done[i]) {
            tell_plan("threads sleep for ever");
            _exit(1);
        }
    is_on = false;
    sem_post(&back);
}

static void *run_part(void *argument) {
    me = (int)(uintptr_t)argument;
    wait_for_turn();
    if (running->prepare)
        running->prepare(me);
    sem_post(&back);
    wait_for_turn();
    pthread_setspecific(end_key, &end_key);
    running->part(me);
    return NULL;
}

/* One schedule; the points it had. */
static unsigned run_plan(void) {
    pthread_t threads[SCHEDULE_MOST_THREADS];
    alarm(HANG_SECONDS);
    next_switch = 0;
    points = 0;
    is_strayed = false;
    for (int i = 0; i < running->threads; i++) {
        is_done[i] = false;
        sleeps_on[i] = NULL;
        CHECK(!pthread_create(&threads[i], NULL, run_part, (void *)(uintptr_t)i));
        sem_post(&turn[i]);
        sem_wait(&back);
    }
    is_on = true;
    run_thread(plan.first);
    sem_wait(&back);
    for (int i = 0; i < running->threads; i++)
        CHECK(!pthread_join(threads[i], NULL));
    running->check();
    return points;
}

/* All schedules that go on from the last one with a switch at `from` or later. */
static unsigned long extend(unsigned from, unsigned all) {
    unsigned long schedules = 0;
    int place = plan.count;
    if (place == running->switches)
        return 0;
    CHECK(all <= MOST_POINTS);
    for (unsigned at = from; at < all; at++)
        for (int to = 0; to < running->threads; to++) {
            if (!(able[place][at] >> to & 1))
                continue;
            plan.at[place] = at;
            plan.to[place] = to;
            plan.count = place + 1;
            unsigned seen = run_plan();
            if (next_switch == plan.count && !is_strayed)
                schedules += 1 + extend(at + 1, seen);
            plan.count = place;
        }
    return schedules;
}

static void start_once(void) {
    static bool is_started;
    if (is_started)
        return;
    is_started = true;
    CHECK(!pthread_key_create(&end_key, end_thread));
    CHECK(!sem_init(&back, 0, 0));
    for (int i = 0; i < SCHEDULE_MOST_THREADS; i++)
        CHECK(!sem_init(&turn[i], 0, 0));
    signal(SIGABRT, on_signal);
    signal(SIGILL, on_signal);
    signal(SIGSEGV, on_signal);
    signal(SIGALRM, on_signal);
}

void schedule_run(const struct schedule_scenario *scenario) {
    running = scenario;
    CHECK(scenario->switches <= MOST_SWITCHES && scenario->threads <= SCHEDULE_MOST_THREADS);
    start_once();
    unsigned long schedules = 0;
    plan = (struct plan){.count = 0};
    run_plan(); /* what happens once only, happens here */
    for (plan.first = 0; plan.first < scenario->threads; plan.first++)
        schedules += 1 + extend(0, run_plan());
    printf("%s: %lu schedules of up to %d switches\n", scenario->name, schedules,
           scenario->switches);
}

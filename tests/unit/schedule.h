/* SPDX-License-Identifier: MIT */
/*
 * Owns the points at which a schedule may change threads: every atomic operation, every fence and
 * the lock's system call of the code that this header is forced into. schedule.c decides; a thread
 * that is in no schedule passes through.
 */
#ifndef TESTS_UNIT_SCHEDULE_H
#define TESTS_UNIT_SCHEDULE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

void schedule_point(void);
long schedule_syscall(long number, ...);

#define SCHEDULED(operation)                                                                       \
    __extension__({                                                                                \
        schedule_point();                                                                          \
        operation;                                                                                 \
    })
/* What is written is computed before the point: others come between a load and its store. */
#define SCHEDULED_WRITE(object, value, operation)                                                  \
    __extension__({                                                                                \
        __typeof__((void)0, *(object)) schedule_value = (value);                                   \
        schedule_point();                                                                          \
        operation;                                                                                 \
    })

#ifdef __clang__
#define PLAIN_LOAD __c11_atomic_load
#define PLAIN_STORE __c11_atomic_store
#define PLAIN_EXCHANGE __c11_atomic_exchange
#define PLAIN_ADD __c11_atomic_fetch_add
#define PLAIN_SUB __c11_atomic_fetch_sub
#define PLAIN_COMPARE __c11_atomic_compare_exchange_strong
#else
#define PLAIN_LOAD __atomic_load_n
#define PLAIN_STORE __atomic_store_n
#define PLAIN_EXCHANGE __atomic_exchange_n
#define PLAIN_ADD __atomic_fetch_add
#define PLAIN_SUB __atomic_fetch_sub
#define PLAIN_COMPARE(object, expected, value, ...)                                                \
    __atomic_compare_exchange_n(object, expected, value, 0, __VA_ARGS__)
#endif

#undef atomic_load_explicit
#define atomic_load_explicit(object, order) SCHEDULED(PLAIN_LOAD(object, order))
#undef atomic_store_explicit
#define atomic_store_explicit(object, value, order)                                                \
    SCHEDULED_WRITE(object, value, PLAIN_STORE(object, schedule_value, order))
#undef atomic_exchange_explicit
#define atomic_exchange_explicit(object, value, order)                                             \
    SCHEDULED_WRITE(object, value, PLAIN_EXCHANGE(object, schedule_value, order))
#undef atomic_fetch_add_explicit
#define atomic_fetch_add_explicit(object, value, order)                                            \
    SCHEDULED_WRITE(object, value, PLAIN_ADD(object, schedule_value, order))
#undef atomic_fetch_sub_explicit
#define atomic_fetch_sub_explicit(object, value, order)                                            \
    SCHEDULED_WRITE(object, value, PLAIN_SUB(object, schedule_value, order))
#undef atomic_compare_exchange_strong_explicit
#define atomic_compare_exchange_strong_explicit(object, expected, value, order, failed)            \
    SCHEDULED_WRITE(object, value, PLAIN_COMPARE(object, expected, schedule_value, order, failed))
#undef atomic_compare_exchange_weak_explicit
#define atomic_compare_exchange_weak_explicit atomic_compare_exchange_strong_explicit
#undef atomic_thread_fence
#define atomic_thread_fence(order) SCHEDULED(__atomic_thread_fence(order))

/* Sleeping and waking are the schedule's; other calls by number go to the system. */
#define syscall schedule_syscall

/* A scenario: threads do their parts under every schedule of so many switches. */
struct schedule_scenario {
    const char *name;
    int threads;
    int switches;
    void (*prepare)(int thread); /* each thread, before the schedule begins, one after the other */
    void (*part)(int thread);    /* under the schedule, with the thread's exit after it */
    void (*check)(void);         /* by the caller, when all threads are gone */
};

#define SCHEDULE_MOST_THREADS 3

/* The calling thread goes on when all others are gone. */
void schedule_wait_for_others(void);

/* In a fork's child: its one thread passes through all points. */
void schedule_leave(void);

/* Tells the schedule and ends the process if the condition is false. */
void schedule_check(bool condition, int line, const char *text);

void schedule_run(const struct schedule_scenario *scenario);

#endif

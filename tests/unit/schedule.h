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
long schedule_syscall(long number, void *word, int operation, unsigned value, ...);

#define SCHEDULED(original) (schedule_point(), original)

#ifdef __clang__
#undef atomic_load_explicit
#define atomic_load_explicit(object, order) SCHEDULED(__c11_atomic_load(object, order))
#undef atomic_store_explicit
#define atomic_store_explicit(object, value, order)                                                \
    SCHEDULED(__c11_atomic_store(object, value, order))
#undef atomic_exchange_explicit
#define atomic_exchange_explicit(object, value, order)                                             \
    SCHEDULED(__c11_atomic_exchange(object, value, order))
#undef atomic_fetch_add_explicit
#define atomic_fetch_add_explicit(object, value, order)                                            \
    SCHEDULED(__c11_atomic_fetch_add(object, value, order))
#undef atomic_fetch_sub_explicit
#define atomic_fetch_sub_explicit(object, value, order)                                            \
    SCHEDULED(__c11_atomic_fetch_sub(object, value, order))
#undef atomic_compare_exchange_strong_explicit
#define atomic_compare_exchange_strong_explicit(object, expected, value, order, failed)            \
    SCHEDULED(__c11_atomic_compare_exchange_strong(object, expected, value, order, failed))
#undef atomic_compare_exchange_weak_explicit
#define atomic_compare_exchange_weak_explicit(object, expected, value, order, failed)              \
    SCHEDULED(__c11_atomic_compare_exchange_weak(object, expected, value, order, failed))
#else
#undef atomic_load_explicit
#define atomic_load_explicit(object, order)                                                        \
    __extension__({                                                                                \
        __auto_type schedule_object = (object);                                                    \
        __typeof__((void)0, *schedule_object) schedule_seen;                                       \
        schedule_point();                                                                          \
        __atomic_load(schedule_object, &schedule_seen, order);                                     \
        schedule_seen;                                                                             \
    })
#undef atomic_store_explicit
#define atomic_store_explicit(object, value, order)                                                \
    __extension__({                                                                                \
        __auto_type schedule_object = (object);                                                    \
        __typeof__((void)0, *schedule_object) schedule_value = (value);                            \
        schedule_point();                                                                          \
        __atomic_store(schedule_object, &schedule_value, order);                                   \
    })
#undef atomic_exchange_explicit
#define atomic_exchange_explicit(object, value, order)                                             \
    __extension__({                                                                                \
        __auto_type schedule_object = (object);                                                    \
        __typeof__((void)0, *schedule_object) schedule_value = (value);                            \
        __typeof__((void)0, *schedule_object) schedule_seen;                                       \
        schedule_point();                                                                          \
        __atomic_exchange(schedule_object, &schedule_value, &schedule_seen, order);                \
        schedule_seen;                                                                             \
    })
#undef atomic_fetch_add_explicit
#define atomic_fetch_add_explicit(object, value, order)                                            \
    SCHEDULED(__atomic_fetch_add(object, value, order))
#undef atomic_fetch_sub_explicit
#define atomic_fetch_sub_explicit(object, value, order)                                            \
    SCHEDULED(__atomic_fetch_sub(object, value, order))
#undef atomic_compare_exchange_strong_explicit
#define atomic_compare_exchange_strong_explicit(object, expected, value, order, failed)            \
    __extension__({                                                                                \
        __auto_type schedule_object = (object);                                                    \
        __typeof__((void)0, *schedule_object) schedule_value = (value);                            \
        schedule_point();                                                                          \
        __atomic_compare_exchange(schedule_object, expected, &schedule_value, 0, order, failed);   \
    })
#undef atomic_compare_exchange_weak_explicit
#define atomic_compare_exchange_weak_explicit atomic_compare_exchange_strong_explicit
#endif

#undef atomic_thread_fence
#define atomic_thread_fence(order) SCHEDULED(__atomic_thread_fence(order))

/* os_lock.c alone asks the system by number, and only to sleep and to wake. */
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

/* Tells the schedule and ends the process if the condition is false. */
void schedule_check(bool condition, int line, const char *text);

void schedule_run(const struct schedule_scenario *scenario);

#endif

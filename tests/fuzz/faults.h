/* SPDX-License-Identifier: MIT */
/*
 * Owns what the fuzzer has between the library and the system: which calls for memory (system.h)
 * are refused, and a coarse clock that goes when told. For calls.c alone; one thread at a time sets
 * what is refused.
 */
#ifndef TESTS_FUZZ_FAULTS_H
#define TESTS_FUZZ_FAULTS_H

#include "check.h"
#include "clock.h"
#include "system.h"

#include <stdatomic.h>

enum { FAULT_ALL = SYSTEM_CALLS, FAULTS };

static atomic_int fault_which = FAULTS;
static atomic_int fault_skip;   /* calls that are let through first */
static atomic_int fault_left;   /* then so many are refused */
static atomic_ulong faults_met; /* refused so far */

/* Refuses nothing more. */
static void fault_disarm(void) {
    atomic_store(&fault_left, 0);
    atomic_store(&fault_which, FAULTS);
}

static void fault_arm(int which, int skip, int count) {
    atomic_store(&fault_which, which);
    atomic_store(&fault_skip, skip);
    atomic_store(&fault_left, count);
}

static bool must_fail(enum system_call call) {
    int wanted = atomic_load(&fault_which);
    if ((wanted != (int)call && wanted != FAULT_ALL) || atomic_load(&fault_left) <= 0)
        return false;
    if (atomic_fetch_sub(&fault_skip, 1) > 0 || atomic_fetch_sub(&fault_left, 1) <= 0)
        return false;
    atomic_fetch_add(&faults_met, 1);
    errno = call == MUNMAP ? EINVAL : ENOMEM;
    return true;
}

#endif

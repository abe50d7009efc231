/* SPDX-License-Identifier: MIT */
/*
 * Owns what the fuzzer has between the library and the system: mmap, munmap, mprotect, madvise and
 * mremap, any of which can be refused, and a coarse clock that goes when told. For calls.c alone;
 * one thread at a time sets what is refused.
 */
#ifndef TESTS_FUZZ_FAULTS_H
#define TESTS_FUZZ_FAULTS_H

#include "check.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

enum fault_call {
    FAULT_MMAP,
    FAULT_MUNMAP,
    FAULT_MPROTECT,
    FAULT_MADVISE,
    FAULT_MREMAP,
    FAULT_ALL,
    FAULTS
};

static atomic_int fault_which = FAULTS;
static atomic_int fault_skip;   /* calls that are let through first */
static atomic_int fault_left;   /* then so many are refused */
static atomic_ulong faults_met; /* refused so far */
static atomic_ulong clock_ahead_ms;

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

static bool is_refused(int which) {
    int wanted = atomic_load(&fault_which);
    if ((wanted != which && wanted != FAULT_ALL) || atomic_load(&fault_left) <= 0)
        return false;
    if (atomic_fetch_sub(&fault_skip, 1) > 0 || atomic_fetch_sub(&fault_left, 1) <= 0)
        return false;
    atomic_fetch_add(&faults_met, 1);
    errno = which == FAULT_MUNMAP ? EINVAL : ENOMEM;
    return true;
}

void *mmap(void *start, size_t bytes, int protection, int flags, int file, off_t offset) {
    if (is_refused(FAULT_MMAP))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, start, bytes, protection, flags, file, offset);
}

int munmap(void *start, size_t bytes) {
    return is_refused(FAULT_MUNMAP) ? -1 : (int)syscall(SYS_munmap, start, bytes);
}

int mprotect(void *start, size_t bytes, int protection) {
    return is_refused(FAULT_MPROTECT) ? -1 : (int)syscall(SYS_mprotect, start, bytes, protection);
}

int madvise(void *start, size_t bytes, int advice) {
    return is_refused(FAULT_MADVISE) ? -1 : (int)syscall(SYS_madvise, start, bytes, advice);
}

void *mremap(void *start, size_t bytes, size_t new_bytes, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    void *place = va_arg(rest, void *);
    va_end(rest);
    if (is_refused(FAULT_MREMAP))
        return MAP_FAILED;
    return (void *)syscall(SYS_mremap, start, bytes, new_bytes, flags, place);
}

/* The coarse clock is the library's; it stands still but for what is told. */
int clock_gettime(clockid_t clock, struct timespec *ret_now) {
    if (clock != CLOCK_MONOTONIC_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, ret_now);
    unsigned long now_ms = 1000000 + atomic_load(&clock_ahead_ms);
    ret_now->tv_sec = (time_t)(now_ms / 1000);
    ret_now->tv_nsec = (long)(now_ms % 1000) * 1000000;
    return 0;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns what the faults of misuse.c have in common: the pointer that a report must name, other
 * blocks, and a second thread. Part of misuse.c alone.
 */
#ifndef TESTS_MISUSE_SUBJECT_H
#define TESTS_MISUSE_SUBJECT_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIZE = 64, LARGE = 8 << 20, MANY = 5000, FIRST = 16 };

static void *volatile subject;
static void *others[MANY];

/* The pointer of the report, and the thread that owns its slab: this one. */
static void *announce(void *pointer) {
    dprintf(STDOUT_FILENO, "0x%zx %d\n", (size_t)pointer, gettid());
    subject = pointer;
    return pointer;
}

/* The same size class fills and drains around the subject. */
static void churn(size_t size) {
    for (int i = 0; i < MANY; i++)
        others[i] = malloc(size);
    for (int i = 0; i < MANY; i++)
        free(others[i]);
}

static void *free_subject(void *unused) {
    free(subject);
    return unused;
}

static void *free_subject_often(void *unused) {
    free(subject);
    churn(SIZE);
    return unused;
}

static void *make_subject(void *unused) {
    for (int i = 0; i < FIRST; i++)
        others[i] = malloc(SIZE);
    announce(malloc(SIZE));
    return unused;
}

static void in_thread(void *(*body)(void *)) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, NULL) || pthread_join(thread, NULL))
        exit(3);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Commits one fault, named on the command line, with a block that is guarded, because the test asks
 * for all to be. It says on standard output first which block and thread it is. guarded.sh checks
 * the report. Functions are not inlined, so that stacks have names.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APART __attribute__((noinline))

enum { SIZE = 64, ODD = 61, TRIES = 64 };

static char *volatile subject;
static volatile char sink;

APART static void announce(char *block) {
    subject = block;
    dprintf(STDOUT_FILENO, "0x%zx %d\n", (size_t)block, gettid());
}

/* Whether a block lies at the start or at the end of its pages is chance. */
APART static char *take(size_t bytes, int is_at_end) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < TRIES; i++) {
        char *block = malloc(bytes);
        if (((uintptr_t)block % page != 0) == is_at_end) {
            announce(block);
            return block;
        }
        free(block);
    }
    exit(3);
}

APART static void drop(char *block) {
    free(block);
    sink = 0; /* no tail call */
}

APART static void overflow(void) {
    take(SIZE, 1)[SIZE] = 1;
}

APART static void overflow_read(void) {
    sink = take(SIZE, 1)[SIZE + 9];
}

APART static void underflow(void) {
    take(SIZE, 0)[-1] = 1;
}

APART static void overflow_small(void) {
    char *block = take(ODD, 1);
    block[ODD + 1] = 1;
    drop(block);
}

APART static void underflow_small(void) {
    char *block = take(SIZE, 1);
    block[-3] = 1;
    drop(block);
}

APART static void read_freed(void) {
    drop(take(SIZE, 1));
    sink = subject[8];
}

APART static void write_freed(void) {
    drop(take(SIZE, 0));
    subject[0] = 1;
}

APART static void double_free(void) {
    drop(take(SIZE, 0));
    drop(subject);
}

APART static void interior_free(void) {
    drop(take(SIZE, 0) + 16);
}

APART static void realloc_freed(void) {
    drop(take(SIZE, 0));
    sink = *(char *)realloc(subject, 100);
}

static void *drop_in_thread(void *unused) {
    drop(subject);
    return unused;
}

APART static void freed_by_other(void) {
    pthread_t thread;
    take(SIZE, 0);
    if (pthread_create(&thread, NULL, drop_in_thread, NULL) || pthread_join(thread, NULL))
        exit(3);
    sink = subject[1];
}

/* A fault that has nothing to do with us ends the program as ever, and says nothing. */
APART static void elsewhere(void) {
    announce(malloc(SIZE));
    *(volatile char *)16 = 1;
}

APART static void sent(void) {
    announce(malloc(SIZE));
    raise(SIGSEGV);
}

static void (*before)(int, siginfo_t *, void *);

static void on_fault(int number, siginfo_t *info, void *context) {
    static const char word[] = "own handler\n";
    ssize_t done = write(STDERR_FILENO, word, sizeof word - 1);
    if (before)
        before(number, info, context);
    _exit(done < 0 ? 4 : 5);
}

static void install(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, old;
    if (sigaction(SIGSEGV, &action, &old))
        exit(3);
    before = old.sa_flags & SA_SIGINFO ? old.sa_sigaction : NULL;
}

/* The program's handler takes our place, and may call us. */
APART static void own_handler(void) {
    install();
    before = NULL;
    take(SIZE, 1)[SIZE] = 1;
}

APART static void own_handler_chains(void) {
    install();
    take(SIZE, 1)[SIZE] = 1;
}

static const struct {
    const char *name;
    void (*commit)(void);
} faults[] = {
    {"overflow", overflow},
    {"overflow_read", overflow_read},
    {"underflow", underflow},
    {"overflow_small", overflow_small},
    {"underflow_small", underflow_small},
    {"read_freed", read_freed},
    {"write_freed", write_freed},
    {"double_free", double_free},
    {"interior_free", interior_free},
    {"realloc_freed", realloc_freed},
    {"freed_by_other", freed_by_other},
    {"elsewhere", elsewhere},
    {"sent", sent},
    {"own_handler", own_handler},
    {"own_handler_chains", own_handler_chains},
};

int main(int argc, char **argv) {
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (argc > 1 && strcmp(argv[1], faults[i].name) == 0) {
            faults[i].commit();
            return 0;
        }
    for (size_t i = 0; argc < 2 && i < sizeof faults / sizeof faults[0]; i++)
        puts(faults[i].name);
    return argc < 2 ? 0 : 2;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the way an attack is run and its outcome told. `attacks KIND SIZE AMOUNT HOW` commits one
 * attack in a child and prints one word: reported (abort, or any other deliberate end), fault
 * (SIGSEGV or SIGBUS), harmless (the effect did not come), succeeded, hangs. It runs on whatever
 * malloc it finds.
 */
#include "attacks.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HANG_SECONDS = 300, OTHERS = 600 };

unsigned char *blocks[MOST_BLOCKS];
int block_count;
static bool final_effect;

bool is(const char *word, const char *other) {
    return strcmp(word, other) == 0;
}

void *opaque(void *pointer) {
    __asm__ volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

static int by_address(const void *one, const void *other) {
    uintptr_t a = (uintptr_t) * (unsigned char *const *)one;
    uintptr_t b = (uintptr_t) * (unsigned char *const *)other;
    return (a > b) - (a < b);
}

/* No qsort: it may allocate. */
static void sort_blocks(void) {
    for (int i = 1; i < block_count; i++)
        for (int k = i; k > 0 && by_address(&blocks[k - 1], &blocks[k]) > 0; k--) {
            unsigned char *block = blocks[k];
            blocks[k] = blocks[k - 1];
            blocks[k - 1] = block;
        }
}

void make_blocks(size_t size, int count) {
    for (block_count = 0; block_count < count; block_count++) {
        blocks[block_count] = malloc(size);
        if (!blocks[block_count])
            _exit(ENDED_WRONG);
        memset(blocks[block_count], PATTERN, size);
    }
    sort_blocks();
    free(malloc(size)); /* some blocks of the size have been freed before */
}

static size_t block_bytes;

static bool has_changed(const unsigned char *block, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (block[i] != PATTERN)
            return true;
    return false;
}

bool blocks_have_changed(int but) {
    for (int i = 0; i < block_count; i++)
        if (i != but && has_changed(blocks[i], block_bytes))
            return true;
    return false;
}

void free_blocks(void) {
    for (int i = 0; i < block_count; i++)
        free(blocks[i]);
    block_count = 0;
}

void live_on(size_t size) {
    static void *others[OTHERS];
    int count = size > MIB / 16 ? 16 : OTHERS;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < count; i++) {
            others[i] = malloc(round == 1 ? size * 2 : size);
            if (others[i])
                memset(others[i], PATTERN, size);
        }
        for (int i = 0; i < count; i++)
            free(others[i]);
    }
}

static void tell_effect(void) {
    _exit(final_effect ? ENDED_WITH_EFFECT : ENDED_WITHOUT_EFFECT);
}

/* The destructors of libraries run: a last look is theirs. */
_Noreturn void end_attack(bool has_effect) {
    final_effect = has_effect;
    exit(0);
}

bool malloc_is_fooled(size_t size, const void *pointer) {
    int count = size > MIB / 16 ? 16 : 1500;
    block_count = 0;
    for (int i = 0; i < count; i++) {
        unsigned char *block = malloc(size);
        if (!block)
            continue;
        uintptr_t offset = (uintptr_t)pointer - (uintptr_t)block;
        if (pointer && offset < size)
            return true;
        blocks[block_count++] = block;
    }
    sort_blocks();
    for (int i = 1; i < block_count; i++)
        if ((size_t)(blocks[i] - blocks[i - 1]) < size)
            return true;
    return false;
}

static void commit(const struct attack *attack) {
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    atexit(tell_effect);
    block_bytes = attack->size;
    alarm(HANG_SECONDS);
    if (!attack_memory(attack) && !attack_free(attack))
        attack_other(attack);
    _exit(ENDED_WRONG);
}

/* SIGTRAP, SIGILL and statuses of their own are ends that some allocators choose. */
static const char *outcome_of(int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == ENDED_WITH_EFFECT)
        return "succeeded";
    if (WIFEXITED(status) && WEXITSTATUS(status) == ENDED_WITHOUT_EFFECT)
        return "harmless";
    if (WIFEXITED(status))
        return WEXITSTATUS(status) == ENDED_WRONG ? "wrong" : "reported";
    if (WTERMSIG(status) == SIGALRM)
        return "hangs";
    return WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS ? "fault" : "reported";
}

int main(int count, char **arguments) {
    int status;
    if (count != 5) {
        fprintf(stderr, "usage: attacks KIND SIZE AMOUNT HOW (see attacks.tab)\n");
        return 2;
    }
    struct attack attack = {arguments[1], strtoul(arguments[2], NULL, 0),
                            strtoul(arguments[3], NULL, 0), arguments[4]};
    pid_t child = fork();
    if (child == 0)
        commit(&attack);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    puts(outcome_of(status));
    return 0;
}

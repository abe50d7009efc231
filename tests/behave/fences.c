/* SPDX-License-Identifier: MIT */
/*
 * With default settings the first large blocks have inaccessible pages around them and are
 * inaccessible once freed, and a block of no bytes is inaccessible; who uses many, or all the time,
 * gets ordinary ones, pays no page faults for it and has few mappings. HAKMEM_FENCES=no ends it:
 * the program runs itself again with that. What is touched is touched in a child.
 */
#include "check.h"

#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { BYTES = 240000, MANY = 2000, ROUNDS = 1000, MIB = 1 << 20 };

static bool faults(const char *address) {
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        volatile char *place = (volatile char *)(uintptr_t)address;
        *place = 1;
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGSEGV : WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void check_around(char *block) {
    size_t bytes = malloc_usable_size(block);
    CHECK(faults(block - 1) && !faults(block) && !faults(block + bytes - 1));
    CHECK(faults(block + bytes));
}

static void fill(char *block, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        block[i] = (char)(i % 251);
}

static void check_content(const char *block, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        CHECK(block[i] == (char)(i % 251));
}

static void check_large(void) {
    char *block = check_keep(malloc(BYTES)), *zeroes = check_keep(calloc(1, BYTES));
    check_around(block);
    check_around(zeroes);
    CHECK(check_zero(zeroes, BYTES));
    fill(block, BYTES);
    free(zeroes);
    CHECK(faults(zeroes) && faults(zeroes + BYTES / 2));
    char *same = check_keep(realloc(block, BYTES - 5000));
    CHECK(same == block);
    char *longer = check_keep(realloc(same, 3 * BYTES));
    CHECK(longer != block && faults(block));
    check_content(longer, BYTES - 5000);
    char *shorter = check_keep(realloc(longer, BYTES / 2));
    check_content(shorter, BYTES / 2);
    free(shorter);
    char *large = check_keep(malloc(64 * MIB)); /* freed, it would cost too many new pages */
    check_around(large);
    free(large);
}

static int count_maps(void) {
    int count = 0, letter;
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps);
    while ((letter = getc(maps)) != EOF)
        count += letter == '\n';
    fclose(maps);
    return count;
}

static void check_many(void) {
    static char *blocks[MANY];
    int before = count_maps();
    for (int i = 0; i < MANY; i++) {
        blocks[i] = check_keep(malloc(70000));
        blocks[i][0] = blocks[i][69999] = (char)i;
    }
    CHECK(count_maps() - before < 200);
    for (int i = 0; i < MANY; i++) {
        CHECK(blocks[i][0] == (char)i && blocks[i][69999] == (char)i);
        free(blocks[i]);
    }
    malloc_trim(0);
    CHECK(count_maps() - before < 20);
}

static void check_cost(void) {
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < ROUNDS; i++)
        free(memset(check_keep(malloc(MIB)), i, MIB));
    getrusage(RUSAGE_SELF, &after);
    long most = ROUNDS * (long)(MIB / sysconf(_SC_PAGESIZE)) / 4;
    CHECK(after.ru_minflt - before.ru_minflt < most);
}

static void check_zero_size(void) {
    char *block = check_keep(malloc(0)), *other = check_keep(calloc(0, 8));
    CHECK(block && other && block != other);
    CHECK(malloc_usable_size(block) == 0 && faults(block) && faults(other));
    block = realloc(block, 100);
    memset(block, 1, 100);
    free(block);
    free(other);
    for (int i = 0; i < 2 * ROUNDS; i++)
        free(check_keep(malloc(0)));
    block = check_keep(malloc(0));
    CHECK(malloc_usable_size(block) > 0 && !faults(block));
    free(block);
}

int main(int count, char **words) {
    const struct rlimit none = {0, 0};
    if (check_is_sampled())
        SKIP("samples have other places");
    setrlimit(RLIMIT_CORE, &none);
    if (count > 1) {
        char *block = check_keep(malloc(BYTES));
        free(block);
        CHECK(!faults(check_keep(malloc(0))) && !faults(block));
        return 0;
    }
    check_large();
    check_zero_size();
    check_many();
    check_cost();
    setenv("HAKMEM_FENCES", "no", 1);
    execl("/proc/self/exe", words[0], "without", (char *)NULL);
    return 1;
}

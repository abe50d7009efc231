/* SPDX-License-Identifier: MIT */
/*
 * Commits one fault, named on the command line, and says before it on standard output which pointer
 * and which thread it concerns. misuse.sh runs every case of misuse.tab and checks the last words.
 * No libhakmem header and no test header: a faulty program knows neither.
 */
#include "subject.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void double_at_once(void) {
    void *block = announce(malloc(SIZE));
    free(block);
    free(subject);
}

/* Many blocks are freed between, none is allocated, and the slab stays in use. */
static void double_delayed(void) {
    for (int i = 0; i < MANY; i++)
        others[i] = malloc(SIZE);
    free(announce(others[2000]));
    for (int i = 1; i < MANY; i += 2)
        free(others[i]);
    free(subject);
}

static void double_interleaved(void) {
    void *block = malloc(SIZE), *other = malloc(SIZE);
    free(announce(block));
    free(other);
    free(subject);
}

static void double_by_other_thread(void) {
    free(announce(malloc(SIZE)));
    in_thread(free_subject);
}

static void double_after_other_thread(void) {
    announce(malloc(SIZE));
    in_thread(free_subject);
    free(subject);
}

static void double_in_other_thread(void) {
    announce(malloc(SIZE));
    in_thread(free_subject);
    in_thread(free_subject_often);
}

static void double_of_gone_thread(void) {
    in_thread(make_subject);
    free(subject);
    free(subject);
}

static void double_large(void) {
    free(announce(malloc(LARGE)));
    free(subject);
}

static void double_aligned(void) {
    free(announce(memalign(4096, 100)));
    free(subject);
}

static void double_after_trim(void) {
    for (int i = 0; i < MANY; i++)
        others[i] = malloc(1024);
    announce(others[MANY / 2]);
    for (int i = 0; i < MANY; i++)
        free(others[i]);
    malloc_trim(0);
    free(subject);
}

/* One block in 64 stays: the pages of the rest of its slab are given back, and read as zero. */
static void make_on_gone_page(void) {
    for (int i = 0; i < MANY; i++)
        others[i] = malloc(1024);
    announce(others[MANY / 128 * 64 + 30]);
    for (int i = 0; i < MANY; i++)
        if (i % 64 != 5)
            free(others[i]);
    malloc_trim(0);
}

static void double_on_gone_page(void) {
    make_on_gone_page();
    free(subject);
}

static void double_on_gone_page_elsewhere(void) {
    make_on_gone_page();
    in_thread(free_subject);
}

static void realloc_on_gone_page(void) {
    make_on_gone_page();
    others[0] = realloc(subject, 2000);
}

static void double_by_realloc(void) {
    void *block = announce(malloc(SIZE));
    if (realloc(block, 0))
        exit(3);
    free(subject);
}

static void interior_16(void) {
    free(announce((char *)malloc(SIZE) + 16));
}

static void interior_8(void) {
    free(announce((char *)malloc(SIZE) + 8));
}

static void interior_1(void) {
    free(announce((char *)malloc(SIZE) + 1));
}

static void interior_large(void) {
    free(announce((char *)malloc(LARGE) + 16));
}

static void interior_large_page(void) {
    free(announce((char *)malloc(LARGE) + (1 << 20)));
}

static void interior_other_thread(void) {
    announce((char *)malloc(SIZE) + 16);
    in_thread(free_subject);
}

static void stack(void) {
    char local[SIZE];
    memset(local, 1, sizeof local);
    free(announce(local));
}

static void static_data(void) {
    static char bytes[SIZE];
    free(announce(bytes + 16));
}

static void text(void) {
    free(announce((void *)text));
}

static void mapping(void) {
    void *own = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    free(announce((char *)own + 4096));
}

static void no_memory_there(void) {
    free(announce((void *)(uintptr_t)0x123450));
}

static void overwrite(size_t from, size_t bytes) {
    char *block = malloc(SIZE);
    free(announce(block));
    memset((char *)subject + from, 0x41, bytes);
    for (int i = 0; i < MANY; i++)
        others[i] = malloc(SIZE);
    churn(SIZE);
}

static void write_first_word(void) {
    overwrite(0, 8);
}

static void write_all(void) {
    overwrite(0, SIZE);
}

static void write_one_byte(void) {
    overwrite(3, 1);
}

/* The end of a live block is left for the next, which is free. */
static void overflow_into_free(void) {
    for (int i = 0; i < 100; i++)
        others[i] = malloc(SIZE);
    char *low = NULL;
    for (int i = 0; i < 100 && !low; i++)
        for (int j = 0; j < 100; j++)
            if ((char *)others[j] == (char *)others[i] + SIZE)
                low = others[i];
    if (!low)
        exit(3);
    free(announce(low + SIZE));
    memset(low, 0x42, SIZE + 24);
    for (int i = 0; i < 4000; i++)
        others[i] = malloc(SIZE);
}

static void realloc_freed(void) {
    free(announce(malloc(SIZE)));
    subject = realloc(subject, 200);
}

static void usable_size_freed(void) {
    free(announce(malloc(SIZE)));
    exit(malloc_usable_size(subject) != 0);
}

static void realloc_stack(void) {
    char local[SIZE];
    subject = realloc(announce(memset(local, 1, sizeof local)), 200);
}

static void realloc_interior(void) {
    subject = realloc(announce((char *)malloc(SIZE) + 16), 200);
}

static void usable_size_static(void) {
    static char bytes[SIZE];
    exit(malloc_usable_size(announce(bytes)) != 0);
}

static void new_without_runtime(void) {
    void *(*operator_new)(size_t);
    *(void **)&operator_new = dlsym(RTLD_DEFAULT, "_Znwm");
    if (!operator_new)
        exit(3);
    announce(NULL);
    operator_new(SIZE_MAX / 2);
}

/* A block that doesn't begin its slab: in front of that may be nothing. */
static char *block_inside(void) {
    char *block;
    do
        block = malloc(SIZE);
    while ((size_t)block % 65536 == 0);
    return announce(block);
}

static void write_past_end(void) {
    char *block = block_inside();
    block[SIZE] = 0x43;
    free(block);
}

static void write_in_front(void) {
    char *block = block_inside();
    block[-1] ^= 0x43;
    free(block);
}

static void write_after_free(void) {
    for (int i = 0; i < 100; i++)
        others[i] = malloc(SIZE); /* neighbours that stay: so does the slab */
    char *block = block_inside();
    free(block);
    ((char *)subject)[40] = 0x43;
    for (int i = 0; i < MANY; i++)
        free(malloc(SIZE));
    for (int i = 0; i < 4 * MANY; i++)
        others[i % MANY] = malloc(SIZE);
}

static void *function(const char *symbol) {
    void *found = dlsym(RTLD_DEFAULT, symbol);
    if (!found)
        exit(3);
    return found;
}

static void free_of_new(void) {
    void *(*operator_new)(size_t);
    *(void **)&operator_new = function("_Znwm");
    free(announce(operator_new(SIZE)));
}

static void delete_of_malloc(void) {
    void (*operator_delete)(void *);
    *(void **)&operator_delete = function("_ZdlPv");
    operator_delete(announce(malloc(SIZE)));
}

static void delete_of_other_size(void) {
    void *(*operator_new)(size_t);
    void (*operator_delete)(void *, size_t);
    *(void **)&operator_new = function("_Znwm");
    *(void **)&operator_delete = function("_ZdlPvm");
    operator_delete(announce(operator_new(SIZE)), SIZE / 2);
}

static void double_zero_size(void) {
    free(announce(malloc(0)));
    free(subject);
}

static void interior_zero_size(void) {
    free(announce((char *)malloc(0) + 16));
}

/* What must not be taken for a fault. */
static void nothing(void) {
    announce(NULL);
    free(NULL);
}

static void copied_mark(void) {
    void *freed = malloc(SIZE), *live = malloc(SIZE), *other = malloc(SIZE);
    free(announce(freed));
    memcpy(live, subject, SIZE);
    memcpy(other, subject, SIZE);
    free(live);
    free(other);
}

static const struct {
    const char *name;
    void (*commit)(void);
} cases[] = {
#define CASE(name)                                                                                 \
    { #name, name }
    CASE(double_at_once),
    CASE(double_delayed),
    CASE(double_interleaved),
    CASE(double_by_other_thread),
    CASE(double_after_other_thread),
    CASE(double_in_other_thread),
    CASE(double_of_gone_thread),
    CASE(double_on_gone_page),
    CASE(double_on_gone_page_elsewhere),
    CASE(realloc_on_gone_page),
    CASE(double_large),
    CASE(double_aligned),
    CASE(double_after_trim),
    CASE(double_by_realloc),
    CASE(interior_16),
    CASE(interior_8),
    CASE(interior_1),
    CASE(interior_large),
    CASE(interior_large_page),
    CASE(interior_other_thread),
    CASE(stack),
    CASE(static_data),
    CASE(text),
    CASE(mapping),
    CASE(no_memory_there),
    CASE(write_first_word),
    CASE(write_all),
    CASE(write_one_byte),
    CASE(overflow_into_free),
    CASE(realloc_freed),
    CASE(usable_size_freed),
    CASE(realloc_stack),
    CASE(realloc_interior),
    CASE(usable_size_static),
    CASE(new_without_runtime),
    CASE(write_past_end),
    CASE(write_in_front),
    CASE(write_after_free),
    CASE(free_of_new),
    CASE(delete_of_malloc),
    CASE(delete_of_other_size),
    CASE(double_zero_size),
    CASE(interior_zero_size),
    CASE(nothing),
    CASE(copied_mark),
};

/* A thread's first blocks are larger: only cases with "guest_" in front begin with them. */
int main(int count, char **arguments) {
    const char *name = count == 2 ? arguments[1] : "", *rest = strstr(name, "guest_");
    for (int i = 0; i < (rest ? 0 : FIRST); i++)
        others[i] = malloc(SIZE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(cases[i].name, rest ? rest + 6 : name) == 0) {
            return cases[i].commit(), 0;
        }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        puts(cases[i].name);
    return 2;
}

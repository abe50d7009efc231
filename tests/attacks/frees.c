/* SPDX-License-Identifier: MIT */
/*
 * Owns the attacks by free: of a block that was freed, and of what malloc did not return. The
 * effect is that malloc hands out a block twice, or the very pointer. Called by attacks.c once.
 */
#include "attacks.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void delete_plain(void *block) __asm__("_ZdlPv");
void *new_plain(size_t size) __asm__("_Znwm");

static void *volatile subject;
static _Alignas(64) char static_data[4096];
static _Thread_local _Alignas(64) char thread_data[4096];
static const _Alignas(64) char constant_data[4096] = "constant";

static void *thread_free(void *unused) {
    free(subject);
    return unused;
}

static void *thread_free_twice(void *unused) {
    free(subject);
    free(subject);
    return unused;
}

static void *thread_make(void *size) {
    return subject = malloc((uintptr_t)size);
}

/* The other thread is there before the first free: its start takes no memory in between. */
static pthread_barrier_t helper_wanted, helper_done;
static void *(*helper_task)(void *);

static void *help(void *unused) {
    pthread_barrier_wait(&helper_wanted);
    helper_task(NULL);
    pthread_barrier_wait(&helper_done);
    return unused;
}

static void start_helper(void) {
    pthread_t thread;
    if (pthread_barrier_init(&helper_wanted, NULL, 2) ||
        pthread_barrier_init(&helper_done, NULL, 2) || pthread_create(&thread, NULL, help, NULL))
        _exit(ENDED_WRONG);
}

static void in_thread(void *(*run)(void *)) {
    helper_task = run;
    pthread_barrier_wait(&helper_wanted);
    pthread_barrier_wait(&helper_done);
}

static void make_in_gone_thread(size_t size) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_make, (void *)size) || pthread_join(thread, NULL))
        _exit(ENDED_WRONG);
}

/* Frees other blocks of the size, so that the subject moves down whatever list it is on. */
static void free_others(void) {
    for (int i = 0; i < block_count; i++)
        if (blocks[i] != subject)
            free(blocks[i]);
    block_count = 0;
}

/* Some of the others come back; the subject stays free. */
static void take_others(size_t size) {
    for (int i = 0; i < 8; i++) {
        void *other = malloc(size);
        if (other == subject)
            end_attack(false);
        memset(other, PATTERN, size);
    }
}

static void *resized(size_t size) {
    void *moved = realloc(subject, size * 4);
    if (moved == subject)
        end_attack(false); /* it stayed where it was: nothing is wrong with the free */
    return moved;
}

static void free_first(const char *how, size_t size) {
    if (is(how, "by-realloc"))
        resized(size);
    else if (is(how, "by-realloc-0"))
        (void)!realloc(subject, 0);
    else if (is(how, "after-thread"))
        in_thread(thread_free);
    else if (is(how, "new"))
        delete_plain(subject);
    else if (!is(how, "in-thread"))
        free(subject);
}

static void free_second(const char *how) {
    if (is(how, "by-thread"))
        in_thread(thread_free);
    else if (is(how, "in-thread"))
        in_thread(thread_free_twice);
    else if (is(how, "then-realloc"))
        (void)!realloc(subject, 32);
    else if (is(how, "new"))
        delete_plain(subject);
    else
        free(subject);
}

static void make_subject(const char *how, size_t size) {
    if (is(how, "calloc"))
        subject = calloc(1, size);
    else if (is(how, "aligned"))
        subject = memalign(256, size);
    else if (is(how, "new"))
        subject = new_plain(size);
    else if (is(how, "gone-thread"))
        make_in_gone_thread(size);
    else
        subject = blocks[block_count / 2];
    memset(subject, PATTERN, size);
}

static void free_twice(const struct attack *attack) {
    bool is_large = attack->size > MIB / 16;
    start_helper();
    make_blocks(attack->size, is_large ? 9 : 1500);
    make_subject(attack->how, attack->size);
    void *other = malloc(attack->size);
    free_first(attack->how, attack->size);
    if (is(attack->how, "delayed") || is(attack->how, "others-reused"))
        free_others();
    if (is(attack->how, "others-reused"))
        take_others(attack->size);
    if (is(attack->how, "interleaved"))
        free(other);
    if (is(attack->how, "trimmed"))
        malloc_trim(0);
    free_second(attack->how);
    bool effect = malloc_is_fooled(attack->size, NULL);
    live_on(attack->size);
    end_attack(effect);
}

static char *map_pages(void) {
    return mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static char *unmapped_page(void) {
    char *pages = map_pages();
    munmap(pages, 65536);
    return pages;
}

/* All that is freed must be writable, or the free that believes it faults anyway. */
static void *target(const struct attack *attack, char *block, char *on_stack) {
    const char *how = attack->how;
    if (is(how, "after"))
        return block + attack->amount;
    if (is(how, "before"))
        return block - attack->amount;
    if (is(how, "end"))
        return block + malloc_usable_size(block);
    if (is(how, "stack"))
        return on_stack + attack->amount;
    if (is(how, "static"))
        return static_data + attack->amount;
    if (is(how, "thread-local"))
        return thread_data + attack->amount;
    if (is(how, "constant"))
        return (void *)(uintptr_t)(constant_data + attack->amount);
    if (is(how, "code"))
        return (void *)(uintptr_t)free;
    if (is(how, "mapping"))
        return map_pages() + attack->amount;
    if (is(how, "unmapped"))
        return unmapped_page() + attack->amount;
    return (void *)(uintptr_t)attack->amount; /* an address as such */
}

static void free_wrong(const struct attack *attack) {
    _Alignas(64) char on_stack[4096];
    memset(on_stack, 0, sizeof on_stack);
    char *block = malloc(attack->size);
    memset(block, PATTERN, attack->size);
    char *wrong = opaque(target(attack, block, opaque(on_stack)));
    free(wrong);
    bool effect = malloc_is_fooled(attack->size, wrong);
    live_on(attack->size);
    end_attack(effect);
}

static void resize_wrong(const struct attack *attack) {
    _Alignas(64) char on_stack[4096];
    char *block = malloc(attack->size);
    memset(on_stack, 0, sizeof on_stack);
    char *wrong = opaque(target(attack, block, opaque(on_stack)));
    if (is(attack->kind, "usable-size"))
        end_attack(malloc_usable_size(wrong) != 0);
    end_attack(realloc(wrong, attack->size * 3) != NULL);
}

bool attack_free(const struct attack *attack) {
    if (is(attack->kind, "double-free"))
        free_twice(attack);
    else if (is(attack->kind, "invalid-free"))
        free_wrong(attack);
    else if (is(attack->kind, "realloc") || is(attack->kind, "usable-size"))
        resize_wrong(attack);
    else
        return false;
    return true;
}

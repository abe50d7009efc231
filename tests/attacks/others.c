/* SPDX-License-Identifier: MIT */
/*
 * Owns the remaining attacks: new and delete that don't match, blocks of no bytes, code on the
 * heap, sizes that can't be. Called by attacks.c once. The operators are called by their mangled
 * names, so that the program is C.
 */
#include "attacks.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *new_plain(size_t size) __asm__("_Znwm");
void *new_array(size_t size) __asm__("_Znam");
void *new_aligned(size_t size, size_t alignment) __asm__("_ZnwmSt11align_val_t");
void *new_nothrow(size_t size, const void *tag) __asm__("_ZnwmRKSt9nothrow_t");
void delete_plain(void *block) __asm__("_ZdlPv");
void delete_array(void *block) __asm__("_ZdaPv");
void delete_sized(void *block, size_t size) __asm__("_ZdlPvm");
void delete_array_sized(void *block, size_t size) __asm__("_ZdaPvm");
void delete_aligned(void *block, size_t alignment) __asm__("_ZdlPvSt11align_val_t");

/* Nobody notices: that is the effect. */
static void mismatch(const struct attack *attack) {
    const char *how = attack->how;
    size_t size = attack->size;
    if (is(how, "malloc-delete"))
        delete_plain(malloc(size));
    else if (is(how, "new-free"))
        free(new_plain(size));
    else if (is(how, "new-delete[]"))
        delete_array(new_plain(size));
    else if (is(how, "new[]-delete"))
        delete_plain(new_array(size));
    else if (is(how, "sized"))
        delete_sized(new_plain(size), attack->amount);
    else if (is(how, "sized[]"))
        delete_array_sized(new_array(size), attack->amount);
    else if (is(how, "aligned-plain"))
        delete_plain(new_aligned(size, attack->amount));
    else if (is(how, "plain-aligned"))
        delete_aligned(new_plain(size), attack->amount);
    else
        _exit(ENDED_WRONG);
    live_on(size);
    end_attack(true);
}

static unsigned char *make_nothing(const char *how) {
    if (is(how, "calloc"))
        return calloc(0, 16);
    if (is(how, "new"))
        return new_plain(0);
    return malloc(0);
}

/* `amount` bytes from the block's start on are read or written. */
static void use_nothing(const struct attack *attack) {
    unsigned char *block = opaque(make_nothing(attack->how));
    volatile unsigned char *bytes = block;
    unsigned char sum = 0;
    if (is(attack->kind, "read-zero"))
        for (size_t i = 0; i < attack->amount; i++)
            sum = (unsigned char)(sum + bytes[i]);
    else
        for (size_t i = 0; i < attack->amount; i++)
            bytes[i] = EVIL;
    free(block);
    live_on(16);
    end_attack(true);
}

/* Two blocks of no bytes are two blocks. */
static void share_nothing(void) {
    make_blocks(0, 64);
    for (int i = 1; i < block_count; i++)
        if (blocks[i] == blocks[i - 1])
            end_attack(true);
    end_attack(false);
}

/* A function that returns 42: the least that can be run. */
static const unsigned char code[] = {
#if defined(__x86_64__)
    0xb8, 42,  0, 0,
    0,    0xc3
#elif defined(__aarch64__)
    0x40, 0x05, 0x80, 0x52, 0xc0,
    0x03, 0x5f, 0xd6
#else
    0
#endif
};

static void run_heap(const struct attack *attack) {
    unsigned char *block = malloc(attack->size);
    if (is(attack->how, "freed"))
        free(block);
    memcpy(opaque(block), code, sizeof code);
    __builtin___clear_cache((char *)block, (char *)block + sizeof code);
    int (*run)(void) = (int (*)(void))(uintptr_t)opaque(block);
    end_attack(run() == 42);
}

static void *ask(const char *how, size_t size) {
    void *block = NULL;
    if (is(how, "calloc"))
        return calloc(size / 2 + 2, 2);
    if (is(how, "calloc-wrap"))
        return calloc(size, size);
    if (is(how, "realloc"))
        return realloc(malloc(100), size);
    if (is(how, "reallocarray"))
        return reallocarray(malloc(100), size, 16);
    if (is(how, "aligned_alloc"))
        return aligned_alloc(64, size);
    if (is(how, "memalign"))
        return memalign(4096, size);
    if (is(how, "alignment"))
        return memalign(size / 2 + 1, 64);
    if (is(how, "posix_memalign"))
        return posix_memalign(&block, 64, size) ? NULL : block;
    if (is(how, "pvalloc"))
        return pvalloc(size);
    if (is(how, "new"))
        return new_nothrow(size, "");
    return malloc(size);
}

static void ask_impossible(const struct attack *attack) {
    end_attack(ask(attack->how, attack->size) != NULL);
}

bool attack_other(const struct attack *attack) {
    if (is(attack->kind, "mismatch"))
        mismatch(attack);
    else if (is(attack->kind, "read-zero") || is(attack->kind, "write-zero"))
        use_nothing(attack);
    else if (is(attack->kind, "share-zero"))
        share_nothing();
    else if (is(attack->kind, "execute"))
        run_heap(attack);
    else if (is(attack->kind, "impossible-size"))
        ask_impossible(attack);
    else
        return false;
    return true;
}

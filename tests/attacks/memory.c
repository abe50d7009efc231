/* SPDX-License-Identifier: MIT */
/*
 * Owns the attacks that write or read where they may not: past a block's ends, into freed blocks,
 * through pointers to blocks that belong to somebody else by now. Called by attacks.c once.
 */
#include "attacks.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static unsigned char source[2 * MIB];
static _Alignas(64) unsigned char victim[4096];

/* Writes `amount` bytes from `start` on, byte by byte or by memcpy of what lies around, too. */
static void write_over(unsigned char *block, ptrdiff_t start, size_t amount, const char *how) {
    volatile unsigned char *bytes = block + start;
    memset(source, EVIL, sizeof source);
    if (is(how, "memcpy"))
        memcpy(opaque(block + start), source, amount);
    else
        for (size_t i = 0; i < amount; i++)
            bytes[i] = EVIL;
}

/* A neighbour that is live must keep what it holds. */
static void leave_block(const struct attack *attack, bool is_overflow) {
    make_blocks(attack->size, attack->size > MIB / 16 ? 9 : 512);
    int middle = block_count / 2;
    unsigned char *block = opaque(blocks[middle]);
    size_t usable = malloc_usable_size(block);
    ptrdiff_t start = is_overflow ? (ptrdiff_t)usable : -(ptrdiff_t)attack->amount;
    write_over(block, start, attack->amount, attack->how);
    bool effect = blocks_have_changed(middle);
    free_blocks();
    live_on(attack->size);
    end_attack(effect);
}

/* Pointers in freed memory lead malloc to a victim. */
static void forge(void *block, const char *how) {
    uintptr_t *words = opaque(block);
    words[0] = (uintptr_t)victim;
    if (is(how, "both-words"))
        words[1] = (uintptr_t)victim;
    if (is(how, "mark"))
        words[1] += (uintptr_t)victim;
}

static void poison_list(const struct attack *attack) {
    unsigned char *one = malloc(attack->size), *other = malloc(attack->size);
    free(other);
    free(one);
    forge(one, attack->how);
    bool effect = malloc_is_fooled(attack->size, victim);
    if (!effect)
        live_on(attack->size);
    end_attack(effect);
}

/* The neighbour behind is free: an overflow reaches its link. */
static void poison_neighbour(const struct attack *attack) {
    make_blocks(attack->size, 64);
    unsigned char *block = blocks[31], *next = blocks[32];
    blocks[32] = malloc(attack->size);
    free(next);
    memset(source, EVIL, sizeof source);
    *(uintptr_t *)(source + (next - block)) = (uintptr_t)victim;
    memcpy(opaque(block), source, (size_t)(next - block) + attack->amount);
    bool effect = malloc_is_fooled(attack->size, victim);
    live_on(attack->size);
    end_attack(effect);
}

/* What was written after free is what the next owner finds. */
static void plant_data(const struct attack *attack) {
    unsigned char *block = malloc(attack->size);
    memset(block, PATTERN, attack->size);
    free(block);
    unsigned char *place = opaque(block + attack->amount);
    memset(place, EVIL, 8);
    bool effect = false;
    for (int i = 0; i < 64; i++) {
        unsigned char *next = is(attack->how, "calloc") ? calloc(1, attack->size) : NULL;
        next = next ? next : malloc(attack->size);
        effect |= next == block && next[attack->amount] == EVIL;
    }
    live_on(attack->size);
    end_attack(effect);
}

static void read_freed(const struct attack *attack) {
    unsigned char *block = malloc(attack->size);
    unsigned char *others = malloc(attack->size);
    memset(block, PATTERN, attack->size);
    free(block);
    unsigned char seen = *(volatile unsigned char *)opaque(block + attack->amount);
    free(others);
    end_attack(seen == PATTERN);
}

/* The old owner writes into a block that somebody else has by now. */
static void use_reused(const struct attack *attack) {
    unsigned char *block = opaque(malloc(attack->size));
    free(block);
    make_blocks(attack->size, (int)attack->amount);
    if (is(attack->how, "read")) {
        unsigned char seen = *(volatile unsigned char *)opaque(block + attack->size / 2);
        end_attack(seen == PATTERN);
    }
    memset(opaque(block), EVIL, attack->size);
    bool effect = blocks_have_changed(-1);
    live_on(attack->size);
    end_attack(effect);
}

/* A function pointer in a freed object, replaced through the next object of the size. */
static void confuse_types(const struct attack *attack) {
    uintptr_t *object = malloc(attack->size);
    object[attack->size / 16] = (uintptr_t)end_attack;
    free(object);
    unsigned char *text = malloc(attack->size);
    memset(text, EVIL, attack->size);
    uintptr_t seen = *(volatile uintptr_t *)opaque(object + attack->size / 16);
    end_attack(seen == 0x4141414141414141u);
}

bool attack_memory(const struct attack *attack) {
    if (is(attack->kind, "overflow"))
        leave_block(attack, true);
    else if (is(attack->kind, "underflow"))
        leave_block(attack, false);
    else if (is(attack->kind, "write-freed") && attack->amount == 0)
        poison_list(attack);
    else if (is(attack->kind, "write-freed"))
        plant_data(attack);
    else if (is(attack->kind, "overflow-to-freed"))
        poison_neighbour(attack);
    else if (is(attack->kind, "read-freed"))
        read_freed(attack);
    else if (is(attack->kind, "reuse"))
        use_reused(attack);
    else if (is(attack->kind, "type-confusion"))
        confuse_types(attack);
    else
        return false;
    return true;
}

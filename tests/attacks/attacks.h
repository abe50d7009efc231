/* SPDX-License-Identifier: MIT */
/*
 * Owns what the attacks share: the arguments of one attack, the blocks around its subject and the
 * two ends of it. An attack is a process of its own; it has one thread unless it says so.
 */
#ifndef TESTS_ATTACKS_ATTACKS_H
#define TESTS_ATTACKS_ATTACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ENDED_WITH_EFFECT = 40, ENDED_WITHOUT_EFFECT = 41, ENDED_WRONG = 42 };
enum { MOST_BLOCKS = 4096, PATTERN = 0x5A, EVIL = 0x41, MIB = 1 << 20 };

/* One line of attacks.tab: KIND SIZE AMOUNT HOW. */
struct attack {
    const char *kind;
    size_t size;
    size_t amount;
    const char *how;
};

/* False: there is no such attack. */
bool attack_memory(const struct attack *attack); /* writes and reads where it may not */
bool attack_free(const struct attack *attack);   /* frees what it may not */
bool attack_other(const struct attack *attack);  /* mismatches, zero sizes, code, sizes */

bool is(const char *word, const char *other);

/* Hides from the compiler what a pointer points to. */
void *opaque(void *pointer);

/* Blocks of one size, filled with PATTERN and sorted by address. */
extern unsigned char *blocks[MOST_BLOCKS];
extern int block_count;
void make_blocks(size_t size, int count);
bool blocks_have_changed(int but);
void free_blocks(void);

/* What any program does after it was attacked: it gives the allocator a chance to see it. */
void live_on(size_t size);

_Noreturn void end_attack(bool has_effect);

/* Allocates some blocks of `size`: true if one overlaps another or holds `pointer`. */
bool malloc_is_fooled(size_t size, const void *pointer);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns what the fuzzer knows of every block: address, size, alignment and content. A slot is used
 * by one thread at a time. For calls.c alone.
 */
#ifndef TESTS_FUZZ_MODEL_H
#define TESTS_FUZZ_MODEL_H

#include "check.h"

#include <malloc.h>

enum { SLOTS = 64, BULK = 4096, WHOLE_BYTES = 4096, STRIDE_BYTES = 4096, END_BYTES = 64 };

/* A finding is a crash: the fuzzer must see it. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            found(__LINE__, #condition);                                                           \
    } while (0)

static const char *model_call = "start";

__attribute__((noreturn)) static void found(int line, const char *condition) {
    char text[300];
    snprintf(text, sizeof text, "in %s: not so: %s (errno %d)", model_call, condition, errno);
    check_say(__FILE__, line, text);
    abort();
}

struct slot {
    unsigned char *bytes; /* NULL: no block */
    size_t size;
    size_t alignment;
    unsigned tag;
};

static struct slot slots[SLOTS];
static size_t model_bytes; /* all blocks together */

static unsigned char byte_of(unsigned tag, size_t at) {
    return (unsigned char)(tag * 131 + at * 7 + (at >> 9));
}

/* Visits the bytes that are looked at: the start and the end, and one a page between. */
static size_t next_at(size_t at, size_t size) {
    if (at + 1 < WHOLE_BYTES || at + 1 + END_BYTES >= size)
        return at + 1;
    size_t next = (at / STRIDE_BYTES + 1) * STRIDE_BYTES;
    return next + END_BYTES < size ? next : size - END_BYTES;
}

static void slot_fill(struct slot *slot, unsigned tag) {
    slot->tag = tag;
    for (size_t at = 0; at < slot->size; at = next_at(at, slot->size))
        slot->bytes[at] = byte_of(tag, at);
}

static void slot_check_to(const struct slot *slot, const unsigned char *bytes, size_t end) {
    for (size_t at = 0; at < end; at = next_at(at, slot->size))
        MUST(bytes[at] == byte_of(slot->tag, at));
}

static void slot_check(const struct slot *slot) {
    if (slot->bytes)
        slot_check_to(slot, slot->bytes, slot->size);
}

/* No two live blocks share a byte. */
static void slot_check_apart(const struct slot *slot) {
    size_t size = slot->size ? slot->size : 1;
    for (int i = 0; i < SLOTS; i++) {
        const struct slot *other = &slots[i];
        size_t other_size = other->size ? other->size : 1;
        if (other != slot && other->bytes)
            MUST(other->bytes + other_size <= slot->bytes || slot->bytes + size <= other->bytes);
    }
}

static void slot_set(struct slot *slot, void *bytes, size_t size, size_t alignment, unsigned tag) {
    MUST(check_is_aligned(bytes, alignment));
    *slot = (struct slot){bytes, size, alignment, 0};
    model_bytes += size;
    MUST(malloc_usable_size(bytes) >= size);
    slot_check_apart(slot);
    slot_fill(slot, tag);
}

static void slot_clear(struct slot *slot) {
    model_bytes -= slot->size;
    *slot = (struct slot){NULL, 0, 0, 0};
}

static void check_all_slots(void) {
    for (int i = 0; i < SLOTS; i++)
        slot_check(&slots[i]);
}

/* Many blocks of one size, which one thread makes and any thread frees. */
struct bulk {
    unsigned char *block[BULK];
    unsigned count;
    size_t size;
};

static struct bulk bulks[4];

static void bulk_mark(struct bulk *bulk, unsigned at) {
    bulk->block[at][0] = (unsigned char)at;
    bulk->block[at][bulk->size - 1] = (unsigned char)at;
}

static void bulk_check(const struct bulk *bulk, unsigned at) {
    MUST(bulk->block[at][bulk->size - 1] == (unsigned char)at);
    MUST(bulk->size == 1 || bulk->block[at][0] == (unsigned char)at);
}

#endif

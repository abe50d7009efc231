/* SPDX-License-Identifier: MIT */
/*
 * Owns guarded blocks: a few, chosen at random, that each lie on pages of their own with
 * inaccessible ones around, and whose pages become inaccessible when they are freed; so that what a
 * program does wrong with one is seen at once, with the stacks of who allocated and freed it. Any
 * thread may call. They lie outside of all regions, so that free and its kin find them where they
 * look for other people's blocks.
 */
#ifndef HAK_HARDENING_SAMPLED_GUARD_H
#define HAK_HARDENING_SAMPLED_GUARD_H

#include "core/heap.h"
#include "os/os_fatal.h"
#include "os/os_unwind.h"

enum hak_sampled_guard_state {
    HAK_SAMPLED_GUARD_UNUSED = 0, /* there was no block here yet */
    HAK_SAMPLED_GUARD_BUSY,       /* one thread's, between two states */
    HAK_SAMPLED_GUARD_LIVE,
    HAK_SAMPLED_GUARD_FREED /* inaccessible; the record tells of the last block */
};

/* Written by the thread that made it BUSY. A report may read it at any time. */
struct hak_sampled_guard {
    uintptr_t block;
    size_t bytes;      /* asked for */
    size_t room_bytes; /* of its accessible pages, */
    uintptr_t room;    /* which begin here */
    int taken_by;      /* threads */
    int freed_by;
    struct hak_stack taken;
    struct hak_stack freed;
    _Atomic uint8_t state; /* enum hak_sampled_guard_state */
};

/* Set once, by hak_sampled_guard_start. */
struct hak_sampled_guard_pool {
    uintptr_t base;
    size_t bytes; /* 0: there are no guarded blocks */
    uint32_t slots;
    struct hak_sampled_guard *slot;
    char *report; /* room for the text of one, so that no stack is needed for it */
};
extern struct hak_sampled_guard_pool hak_sampled_guard_pool HAK_SEALED;

#define HAK_SAMPLED_GUARD_REPORT_BYTES HAK_KIB(32)

/* By the knobs: makes the pool, at the start of the process; and has faults in it reported. */
void hak_sampled_guard_start(void);

/* In a fork's child: places that are free now stay so. */
void hak_sampled_guard_forget(void);
void hak_sampled_guard_report_watch(void);

HAK_INLINE bool hak_sampled_guard_is_on(void) {
    return hak_sampled_guard_pool.bytes != 0;
}

HAK_INLINE bool hak_sampled_guard_holds(const void *pointer) {
    return (uintptr_t)pointer - hak_sampled_guard_pool.base < hak_sampled_guard_pool.bytes;
}

/* A block of 1 to HAK_CLASS_MAX_BYTES for the thread of `heap`, with as much alignment as its size
 * has. NULL: every place is in use. `caller` is the best guess at who asked. */
void *hak_sampled_guard_alloc(struct hak_heap *heap, size_t bytes, const void *caller);

/* Both for a pointer that the pool holds; what is wrong with it is a fatal report. */
void hak_sampled_guard_free(void *pointer, const void *caller);
size_t hak_sampled_guard_bytes(const void *pointer);

/* The place that a wrong address is nearest to, or NULL if there was no block around. */
const struct hak_sampled_guard *hak_sampled_guard_near(uintptr_t address);

/* What is said of a misuse (hardening/sampled_guard_report.c). `verb` goes before the address. */
struct hak_sampled_guard_misuse {
    enum hak_fatal_code code;
    const char *verb;
    uintptr_t address;
    const struct hak_stack *stack; /* of the misuse */
};

/* The text of the report; the first to get it, all others get NULL. */
struct hak_buffer *hak_sampled_guard_report(const struct hak_sampled_guard *slot,
                                            const struct hak_sampled_guard_misuse *misuse);

#endif

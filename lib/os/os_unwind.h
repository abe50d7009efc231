/* SPDX-License-Identifier: MIT */
/*
 * Owns the walk up the calling thread's own stack, and the writing of what was found so that
 * addr2line can resolve it. libc's backtrace does the walk, by the tables for C++ exceptions; where
 * it isn't there (a static program) a stack is its caller alone. Any thread may call.
 */
#ifndef HAK_OS_UNWIND_H
#define HAK_OS_UNWIND_H

#include "base/compiler.h"
#include "base/format.h"

#define HAK_STACK_FRAMES 24u

struct hak_stack {
    uint32_t count;
    uintptr_t frame[HAK_STACK_FRAMES]; /* addresses of calls, the innermost first */
};

/* Loads what backtrace needs: it allocates. Until then, stacks are callers alone. */
void hak_os_unwind_prepare(void);

/* The callers of this library. `caller` is a return address, for want of anything better. */
void hak_os_unwind(struct hak_stack *ret_stack, const void *caller);

/* In a signal handler: from the interrupted place on. */
void hak_os_unwind_from(struct hak_stack *ret_stack, uintptr_t interrupted);

/* A line `<prefix>/path/of/module+0x1234` a frame: the address is the module's own, as in its
 * symbol table. No allocation. */
void hak_os_unwind_put(struct hak_buffer *text, const char *prefix, const struct hak_stack *stack);

#endif

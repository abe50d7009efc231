/* SPDX-License-Identifier: MIT */
/*
 * Owns the last words of a process: one line on standard error, then abort. Uses no malloc, no
 * stdio, no lock, so it may be called from anywhere, in any state, by any thread.
 */
#ifndef HAK_OS_FATAL_H
#define HAK_OS_FATAL_H

#include "base/compiler.h"
#include "base/format.h"

enum hak_fatal_code {
#define HAK_FATAL(code, message, advice) HAK_FATAL_##code,
#include "os/fatals.def"
#undef HAK_FATAL
    HAK_FATAL_COUNT
};

#define HAK_NO_THREAD (-1)

/* class_bytes 0: not known. owner_tid HAK_NO_THREAD: no thread owns the block's slab. */
__attribute__((noreturn)) HAK_COLD void hak_fatal(enum hak_fatal_code code, const void *pointer,
                                                  size_t class_bytes, int owner_tid);

/* A report that has more to say than its line: put the line, put more, then end with an abort. */
void hak_fatal_begin(struct hak_buffer *line, enum hak_fatal_code code, const void *pointer,
                     size_t class_bytes, int owner_tid);
__attribute__((noreturn)) HAK_COLD void hak_fatal_end(struct hak_buffer *text);

/* Writes buffer and a newline to standard error in one write; errno is kept. */
void hak_log_line(struct hak_buffer *buffer);

/* Called before the line of a fatal report, so that wrong settings are known; set once at start. */
extern void (*hak_fatal_prelude)(void) HAK_SEALED;

#endif

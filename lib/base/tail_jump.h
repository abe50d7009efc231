/* SPDX-License-Identifier: MIT */
/*
 * Owns one thing that C can't say: a function that asks a chooser where to go and jumps there with
 * its own arguments, its own stack and its caller's return address, so that the target takes the
 * caller for its own. Pure: no state. Needed where a libc function looks at its return address.
 *
 * HAK_TAIL_JUMP(name, chooser, CHANGED): defines the exported function name. chooser is
 *     void *chooser(uintptr_t first_argument, int *argument_CHANGED);
 * it may change the argument number CHANGED (1 or 2, counted from 0) and returns the target.
 */
#ifndef HAK_BASE_TAIL_JUMP_H
#define HAK_BASE_TAIL_JUMP_H

#include <stdint.h>

#define HAK_TAIL_JUMP_BEGIN(name)                                                                  \
    ".pushsection .text\n"                                                                         \
    ".p2align 4\n"                                                                                 \
    ".globl " name "\n"                                                                            \
    ".type " name ", %function\n" name ":\n"                                                       \
    ".cfi_startproc\n"

#define HAK_TAIL_JUMP_END(name)                                                                    \
    ".cfi_endproc\n"                                                                               \
    ".size " name ", . - " name "\n"                                                               \
    ".popsection\n"

/* clang-format off */
#if defined(__x86_64__)
/* Three words pushed: rdi, rsi, rdx from the top down, and the stack is aligned for the call. */
#define HAK_TAIL_JUMP_OFFSET_1 "8"
#define HAK_TAIL_JUMP_OFFSET_2 "0"
#define HAK_TAIL_JUMP(name, chooser, changed)                                                      \
    __asm__(HAK_TAIL_JUMP_BEGIN(name)                                                              \
            "endbr64\n"                                                                            \
            "push %rdi\n.cfi_adjust_cfa_offset 8\n"                                                \
            "push %rsi\n.cfi_adjust_cfa_offset 8\n"                                                \
            "push %rdx\n.cfi_adjust_cfa_offset 8\n"                                                \
            "lea " HAK_TAIL_JUMP_OFFSET_##changed "(%rsp), %rsi\n"                                 \
            "call " chooser "\n"                                                                   \
            "pop %rdx\n.cfi_adjust_cfa_offset -8\n"                                                \
            "pop %rsi\n.cfi_adjust_cfa_offset -8\n"                                                \
            "pop %rdi\n.cfi_adjust_cfa_offset -8\n"                                                \
            "jmp *%rax\n"                                                                          \
            HAK_TAIL_JUMP_END(name))
#else
#define HAK_TAIL_JUMP_OFFSET_1 "24"
#define HAK_TAIL_JUMP_OFFSET_2 "32"
#define HAK_TAIL_JUMP(name, chooser, changed)                                                      \
    __asm__(HAK_TAIL_JUMP_BEGIN(name)                                                              \
            "hint #34\n" /* bti c, a no-op on older machines */                                    \
            "stp x29, x30, [sp, #-48]!\n"                                                          \
            ".cfi_def_cfa_offset 48\n.cfi_offset 29, -48\n.cfi_offset 30, -40\n"                   \
            "mov x29, sp\n"                                                                        \
            "stp x0, x1, [sp, #16]\n"                                                              \
            "str x2, [sp, #32]\n"                                                                  \
            "add x1, sp, #" HAK_TAIL_JUMP_OFFSET_##changed "\n"                                    \
            "bl " chooser "\n"                                                                     \
            "mov x16, x0\n"                                                                        \
            "ldp x0, x1, [sp, #16]\n"                                                              \
            "ldr x2, [sp, #32]\n"                                                                  \
            "ldp x29, x30, [sp], #48\n"                                                            \
            ".cfi_restore 30\n.cfi_restore 29\n.cfi_def_cfa_offset 0\n"                            \
            "br x16\n"                                                                             \
            HAK_TAIL_JUMP_END(name))
#endif
/* clang-format on */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the look at the calling thread's own stack: its registers, and a copy of what lies above the
 * stack pointer, from which another process works out who called whom. Never allocates, takes no
 * lock, and reads nothing that isn't mapped, whatever kind of stack it is. Keeps errno.
 */
#ifndef HAK_OS_STACK_H
#define HAK_OS_STACK_H

#include "base/compiler.h"

#define HAK_STACK_REGISTERS 33u /* by their DWARF numbers, the place in the code last */

#if defined(__x86_64__)
#define HAK_STACK_REGISTER_COUNT 17u
#define HAK_STACK_POINTER 7u
#else
#define HAK_STACK_REGISTER_COUNT 33u
#define HAK_STACK_POINTER 31u
#endif

/* What a caller's frame can be found with: the registers that calls preserve, and this place. */
HAK_INLINE void hak_os_stack_registers(uint64_t to[HAK_STACK_REGISTERS]) {
#if defined(__x86_64__)
    __asm__ volatile("movq %%rbx, 3*8(%0)\n\tmovq %%rbp, 6*8(%0)\n\tmovq %%rsp, 7*8(%0)\n\t"
                     "movq %%r12, 12*8(%0)\n\tmovq %%r13, 13*8(%0)\n\tmovq %%r14, 14*8(%0)\n\t"
                     "movq %%r15, 15*8(%0)\n\tleaq 0f(%%rip), %%rax\n"
                     "0:\tmovq %%rax, 16*8(%0)"
                     :
                     : "c"(to)
                     : "rax", "memory");
#else
    __asm__ volatile("stp x19, x20, [%0, 19*8]\n\tstp x21, x22, [%0, 21*8]\n\t"
                     "stp x23, x24, [%0, 23*8]\n\tstp x25, x26, [%0, 25*8]\n\t"
                     "stp x27, x28, [%0, 27*8]\n\tstp x29, x30, [%0, 29*8]\n\t"
                     "mov x9, sp\n\tstr x9, [%0, 31*8]\n\tadr x9, 0f\n"
                     "0:\tstr x9, [%0, 32*8]"
                     :
                     : "r"(to)
                     : "x9", "memory");
#endif
}

/* Copies up to `bytes` (a multiple of 8) from `address` (aligned to 8) upwards; says how many. */
size_t hak_os_stack_copy(uintptr_t address, void *to, size_t bytes);

#endif

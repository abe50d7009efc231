/* SPDX-License-Identifier: MIT */
/*
 * Owns the shape of the static probes (USDT): a nop in the code and a note that says where it is,
 * where its arguments are, and which word counts its listeners. A tracer that attaches raises the
 * word; a probe that nobody listens to costs the test of that word. No header of SystemTap is
 * needed: the note's layout is in its manual ("UserSpaceProbeImplementation").
 */
#ifndef HAK_BASE_PROBE_H
#define HAK_BASE_PROBE_H

#include "base/compiler.h"

/* Defines the word of listeners of probe otel_memory:NAME. */
#define HAK_PROBE_SEMAPHORE(name)                                                                  \
    __attribute__((section(".probes"), used)) volatile uint16_t hak_probe_##name##_listeners

#define HAK_PROBE_NOTE(name, arguments)                                                            \
    "990: nop\n"                                                                                   \
    ".pushsection .note.stapsdt,\"?\",\"note\"\n"                                                  \
    ".balign 4\n"                                                                                  \
    ".4byte 992f-991f, 994f-993f, 3\n"                                                             \
    "991: .asciz \"stapsdt\"\n"                                                                    \
    "992: .balign 4\n"                                                                             \
    "993: .8byte 990b\n"                                                                           \
    ".8byte _.stapsdt.base\n"                                                                      \
    ".8byte hak_probe_" #name "_listeners\n"                                                       \
    ".asciz \"otel_memory\"\n"                                                                     \
    ".asciz \"" #name "\"\n"                                                                       \
    ".asciz \"" arguments "\"\n"                                                                   \
    "994: .balign 4\n"                                                                             \
    ".popsection\n"                                                                                \
    ".ifndef _.stapsdt.base\n"                                                                     \
    ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"                        \
    ".weak _.stapsdt.base\n"                                                                       \
    ".hidden _.stapsdt.base\n"                                                                     \
    "_.stapsdt.base: .space 1\n"                                                                   \
    ".size _.stapsdt.base, 1\n"                                                                    \
    ".popsection\n"                                                                                \
    ".endif\n"

/* Probes with one and with three arguments, words each. */
#define HAK_PROBE1(name, a) __asm__ volatile(HAK_PROBE_NOTE(name, "8@%0")::"r"((uint64_t)(a)))
#define HAK_PROBE3(name, a, b, c)                                                                  \
    __asm__ volatile(HAK_PROBE_NOTE(name, "8@%0 8@%1 8@%2")::"r"((uint64_t)(a)),                   \
                     "r"((uint64_t)(b)), "r"((uint64_t)(c)))

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of ELF files: what a tool must know of a program before it runs it. Every offset
 * and count in the file is a stranger's word, and is checked against the file's size. Stateless.
 */
#ifndef HAK_TOOLS_COMMON_ELF_H
#define HAK_TOOLS_COMMON_ELF_H

#include <stdbool.h>
#include <stdint.h>

struct hak_elf_facts {
    bool is_elf;
    bool is_64_bit;
    bool is_for_this_machine; /* same word size, byte order and instruction set as this tool */
    bool is_shared_object;    /* ET_DYN: a library, or a position-independent program */
    bool is_static;           /* no dynamic linker will run, hence no LD_PRELOAD */
    bool defines_malloc;      /* the dynamic linker would take its malloc before a preloaded one */
    bool has_sanitizer;    /* needs a sanitizer's run-time library, which insists to come first */
    char interpreter[256]; /* the dynamic linker's path, or empty */
};

/* Facts of an open file; a file that is no ELF, or a broken one, has is_elf false. */
void hak_elf_read(int fd, struct hak_elf_facts *ret_facts);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns mprotect of the RELRO part, which is found in the program headers in front of the library's
 * code. Linked without one, sealed variables are ordinary ones. Invariant: is_open while they may
 * be written.
 */
#define _GNU_SOURCE
#include "os/os_seal.h"

#include <errno.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>

extern const ElfW(Ehdr) __ehdr_start __attribute__((weak, visibility("hidden")));

static bool is_open; /* the thread's that starts the process */

struct part {
    uintptr_t start;
    uintptr_t end; /* as the dynamic linker rounds it: down */
};

static struct part find_part(void) {
    const ElfW(Ehdr) *file = &__ehdr_start;
    struct part part = {0, 0};
    if (!file)
        return part;
    const ElfW(Phdr) *header = (const ElfW(Phdr) *)((uintptr_t)file + file->e_phoff);
    uintptr_t mask = ~(uintptr_t)(getauxval(AT_PAGESZ) - 1), bias = (uintptr_t)file;
    for (unsigned i = 0; i < file->e_phnum; i++)
        if (header[i].p_type == PT_LOAD && header[i].p_offset == 0)
            bias -= header[i].p_vaddr;
    for (unsigned i = 0; i < file->e_phnum; i++)
        if (header[i].p_type == PT_GNU_RELRO)
            part = (struct part){(bias + header[i].p_vaddr) & mask,
                                 (bias + header[i].p_vaddr + header[i].p_memsz) & mask};
    return part;
}

static bool protect(int protection) {
    int saved_errno = errno;
    struct part part = find_part();
    bool done = part.start >= part.end ||
                mprotect((void *)part.start, part.end - part.start, protection) == 0;
    errno = saved_errno;
    return done;
}

bool hak_os_seal_open(void) {
    if (!is_open)
        is_open = protect(PROT_READ | PROT_WRITE);
    return is_open;
}

bool hak_os_seal_is_open(void) {
    return is_open;
}

void hak_os_seal_close(void) {
    if (is_open)
        is_open = !protect(PROT_READ);
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the calls backtrace and dl_iterate_phdr. State: whether backtrace may be called, where
 * this library's code lies, and the program's path; set once, by hak_os_unwind_prepare.
 */
#define _GNU_SOURCE
#include "os/os_unwind.h"

#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <unistd.h>

#define HAK_RAW_FRAMES (HAK_STACK_FRAMES + 16u) /* with our own in front */
#define HAK_PATH_SHOWN 200u

/* Weak: a static program shall not be made larger by what only a report needs. */
extern int backtrace(void **frames, int most) __attribute__((weak));

static _Atomic bool is_ready;
static uintptr_t own_start, own_end;      /* 0: the library is part of the program */
static char program_path[HAK_PATH_SHOWN]; /* asked for at the start: later it may be forbidden */

struct module {
    uintptr_t address; /* looked for */
    uintptr_t bias;
    uintptr_t start, end; /* of its segments */
    const char *name;     /* "" is the program */
};

static int find_module(struct dl_phdr_info *info, size_t bytes, void *context) {
    struct module *module = context;
    uintptr_t start = UINTPTR_MAX, end = 0;
    bool is_here = false;
    (void)bytes;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + header->p_vaddr;
        if (header->p_type != PT_LOAD)
            continue;
        start = from < start ? from : start;
        end = from + header->p_memsz > end ? from + header->p_memsz : end;
        is_here |= module->address - from < header->p_memsz;
    }
    if (!is_here)
        return 0;
    *module = (struct module){module->address, info->dlpi_addr, start, end, info->dlpi_name};
    return 1;
}

void hak_os_unwind_prepare(void) {
    void *frame;
    int saved_errno = errno;
    struct module own = {.address = (uintptr_t)&hak_os_unwind_prepare};
    if (dl_iterate_phdr(find_module, &own) && own.name[0]) {
        own_start = own.start;
        own_end = own.end;
    }
    ssize_t length = readlink("/proc/self/exe", program_path, sizeof program_path - 1);
    program_path[length > 0 ? length : 0] = '\0';
    if (backtrace) {
        backtrace(&frame, 1);
        /* release pairs with the acquire in walk: libc has loaded what it needs */
        atomic_store_explicit(&is_ready, true, memory_order_release);
    }
    errno = saved_errno;
}

static unsigned walk(void **raw) {
    int saved_errno = errno;
    int count = 0;
    if (atomic_load_explicit(&is_ready, memory_order_acquire))
        count = backtrace(raw, HAK_RAW_FRAMES);
    errno = saved_errno;
    return count > 0 ? (unsigned)count : 0;
}

/* A return address less one lies in the call. */
static void keep(struct hak_stack *stack, void *const *raw, unsigned first, unsigned count) {
    for (unsigned i = first; i < count && stack->count < HAK_STACK_FRAMES; i++)
        stack->frame[stack->count++] = (uintptr_t)raw[i] - 1;
}

static bool is_own(const void *address) {
    return (uintptr_t)address - own_start < own_end - own_start;
}

/* Where the program's part begins: not before `caller`, if that is among the frames. */
static unsigned skip_own(void *const *raw, unsigned count, const void *caller) {
    unsigned first = 0;
    while (first < count && raw[first] != caller)
        first++;
    if (first == count)
        first = 0;
    while (first < count && is_own(raw[first]))
        first++;
    return first;
}

void hak_os_unwind(struct hak_stack *ret_stack, const void *caller) {
    void *raw[HAK_RAW_FRAMES];
    unsigned count = walk(raw);
    unsigned first = skip_own(raw, count, caller);
    ret_stack->count = 0;
    if (first == count) {
        raw[0] = (void *)(uintptr_t)caller;
        first = 0;
        count = caller != NULL;
    }
    keep(ret_stack, raw, first, count);
}

void hak_os_unwind_from(struct hak_stack *ret_stack, uintptr_t interrupted) {
    void *raw[HAK_RAW_FRAMES];
    unsigned count = walk(raw);
    unsigned first = 0;
    while (first < count && (uintptr_t)raw[first] != interrupted)
        first++;
    ret_stack->count = 1;
    ret_stack->frame[0] = interrupted;
    keep(ret_stack, raw, first + 1, count);
}

static void put_path(struct hak_buffer *text, const char *path, size_t length) {
    for (size_t i = 0; i < length && path[i]; i++)
        hak_put_char(text, path[i] > ' ' && path[i] <= '~' ? path[i] : '?');
}

static void put_name(struct hak_buffer *text, const char *name) {
    put_path(text, name[0] ? name : program_path, HAK_PATH_SHOWN);
}

void hak_os_unwind_put(struct hak_buffer *text, const char *prefix, const struct hak_stack *stack) {
    for (unsigned i = 0; i < stack->count; i++) {
        struct module module = {.address = stack->frame[i], .name = ""};
        hak_put_text(text, prefix);
        if (dl_iterate_phdr(find_module, &module)) {
            put_name(text, module.name);
            hak_put_char(text, '+');
        }
        hak_put_hex(text, module.address - module.bias);
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns dlopen and dlmopen, of the shared library alone: a plugin opened with RTLD_DEEPBIND would
 * take malloc from libc and free from us, so the flag is cleared, unless HAKMEM_DEEPBIND=1. In
 * another namespace than the program's the flag concerns nobody here and is left.
 *
 * libc finds the caller's RUNPATH by the return address, so the real function is jumped to, not
 * called: no frame of ours is between. Any thread may call, also before our constructor has run.
 */
#define _GNU_SOURCE
#include "base/compiler.h"
#include "base/tail_jump.h"
#include "conf/conf.h"

#include <dlfcn.h>
#include <stdatomic.h>

void *hak_dlopen_prepare(uintptr_t file, int *mode);
void *hak_dlmopen_prepare(uintptr_t namespace, int *mode);

static void *not_found(void) {
    return NULL;
}

/* Two threads may both look it up: they find the same. */
static void *real_function(const char *name, void *_Atomic *known) {
    void *real = atomic_load_explicit(known, memory_order_relaxed);
    if (!real) {
        real = dlsym(RTLD_NEXT, name);
        atomic_store_explicit(known, real, memory_order_relaxed);
    }
    return real ? real : (void *)not_found;
}

static void clear_deepbind(int *mode) {
    if (!hak_conf.deepbind)
        *mode &= ~RTLD_DEEPBIND;
}

__attribute__((used)) void *hak_dlopen_prepare(uintptr_t file, int *mode) {
    static void *_Atomic known;
    (void)file;
    clear_deepbind(mode);
    return real_function("dlopen", &known);
}

__attribute__((used)) void *hak_dlmopen_prepare(uintptr_t namespace, int *mode) {
    static void *_Atomic known;
    if (namespace == LM_ID_BASE)
        clear_deepbind(mode);
    return real_function("dlmopen", &known);
}

HAK_TAIL_JUMP("dlopen", "hak_dlopen_prepare", 1);
HAK_TAIL_JUMP("dlmopen", "hak_dlmopen_prepare", 2);

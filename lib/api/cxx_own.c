/* SPDX-License-Identifier: MIT */
/*
 * Owns the answer to "does everybody's operator new, and delete, lead here?". It is found at the
 * first need and kept. Any thread may call; two that ask at once find the same.
 */
#define _GNU_SOURCE
#include "api/cxx.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

/* A static program may have no dynamic linker to ask. */
#pragma weak dladdr
#pragma weak dlsym

struct form {
    void (*bound)(void); /* what the dynamic linker, or the linker, chose */
    void (*own)(void);
    char symbol[24];
};

#define FORM(name, symbol)                                                                         \
    { (void (*)(void)) cxx_##name, (void (*)(void))hak_cxx_##name, symbol }

static const struct form plain_forms[] = {
    FORM(new, "_Znwm"),
    FORM(new_array, "_Znam"),
    FORM(delete, "_ZdlPv"),
    FORM(delete_array, "_ZdaPv"),
    FORM(delete_sized, "_ZdlPvm"),
    FORM(delete_array_sized, "_ZdaPvm"),
};

static const struct form aligned_forms[] = {
    FORM(new_aligned, "_ZnwmSt11align_val_t"),
    FORM(new_array_aligned, "_ZnamSt11align_val_t"),
    FORM(delete_aligned, "_ZdlPvSt11align_val_t"),
    FORM(delete_array_aligned, "_ZdaPvSt11align_val_t"),
};

/* The definition behind ours is the C++ library's, or there is none: a library that has one may
 * call it although the others call ours. */
static bool next_is_standard(const char *symbol) {
    Dl_info where;
    if (!dlsym || !dladdr)
        return true;
    void *next = dlsym(RTLD_NEXT, symbol);
    if (!next || !dladdr(next, &where) || !where.dli_fname)
        return true;
    return strstr(where.dli_fname, "libstdc++") || strstr(where.dli_fname, "libc++");
}

static bool are_own(const struct form *form, size_t count) {
    for (size_t i = 0; i < count; i++) {
        void (*bound)(void) = form[i].bound;
        __asm__("" : "+r"(bound)); /* the compiler must not compare what it sees in this library */
        if (bound != form[i].own || !next_is_standard(form[i].symbol))
            return false;
    }
    return true;
}

bool hak_cxx_is_own(enum hak_block_kind kind) {
    enum { UNKNOWN, OWN, OTHER };
    static _Atomic int known[2]; /* relaxed: whoever finds it finds the same */
    bool is_aligned = kind == HAK_BY_ALIGNED_NEW || kind == HAK_BY_ALIGNED_NEW_ARRAY;
    int answer = atomic_load_explicit(&known[is_aligned], memory_order_relaxed);
    if (answer == UNKNOWN) {
        bool is_own = is_aligned
                          ? are_own(aligned_forms, sizeof aligned_forms / sizeof aligned_forms[0])
                          : are_own(plain_forms, sizeof plain_forms / sizeof plain_forms[0]);
        answer = is_own ? OWN : OTHER;
        atomic_store_explicit(&known[is_aligned], answer, memory_order_relaxed);
    }
    return answer == OWN;
}

/* SPDX-License-Identifier: MIT */
/* Owns the question whom the dynamic linker has bound a C++ operator to. Any thread may call. */
#define _GNU_SOURCE
#include "api/cxx_own.h"

#include <dlfcn.h>
#include <string.h>

/* A static program may have no dynamic linker to ask. */
#pragma weak dladdr
#pragma weak dlsym

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

bool hak_cxx_own_all(const struct hak_cxx_form *form, size_t count) {
    for (size_t i = 0; i < count; i++) {
        void (*bound)(void) = form[i].bound;
        __asm__("" : "+r"(bound)); /* the compiler must not compare what it sees in this library */
        if (bound != form[i].own || !next_is_standard(form[i].symbol))
            return false;
    }
    return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the nothrow forms of operator new, of the shared library alone: in a program that is linked
 * with the static one, libstdc++'s own do the same above our base forms. Any thread may call.
 *
 * C can't catch. Where an exception has to become NULL (a handler that throws, or a base form that
 * the program has replaced), the call is passed on to the next definition, libstdc++'s, which
 * catches. The usual case, our own base and no handler, needs no exception at all.
 */
#define _GNU_SOURCE
#include "api/cxx.h"

#include "api/api.h"
#include "base/bits.h"

#include <dlfcn.h>
#include <stdatomic.h>

typedef void *plain_form(size_t size);
typedef void *aligned_form(size_t size, align_val alignment);
typedef void *plain_nothrow_form(size_t size, const struct nothrow *tag);
typedef void *aligned_nothrow_form(size_t size, align_val alignment, const struct nothrow *tag);

/* The compiler must compare what the dynamic linker chose, not what it sees in this file. */
HAK_INLINE bool plain_is_own(plain_form *bound, plain_form *own) {
    __asm__("" : "+r"(bound));
    return bound == own;
}

HAK_INLINE bool aligned_is_own(aligned_form *bound, aligned_form *own) {
    __asm__("" : "+r"(bound));
    return bound == own;
}

/*
 * The definition behind ours, kept once found. NULL: no C++ library is there, so nobody catches.
 * Not a tail call: RTLD_NEXT counts from the caller's library, which must be this one.
 */
static HAK_COLD void *next_form(const char *symbol, void *_Atomic *known) {
    void *next = atomic_load_explicit(known, memory_order_relaxed);
    if (next)
        return next;
    next = dlsym(RTLD_NEXT, symbol);
    if (!next)
        return hak_cxx_plugin_symbol(symbol); /* not kept: a plugin may go */
    atomic_store_explicit(known, next, memory_order_relaxed);
    return next;
}

void *cxx_new_nothrow(size_t size, const struct nothrow *tag) {
    static void *_Atomic known;
    if (plain_is_own(cxx_new, hak_cxx_new)) {
        void *block = hak_api_malloc(size);
        hak_cxx_mark(block, HAK_BY_MALLOC, HAK_BY_NEW);
        if (HAK_LIKELY(block != NULL) || !hak_cxx_current_handler())
            return block;
    }
    plain_nothrow_form *next = (plain_nothrow_form *)next_form("_ZnwmRKSt9nothrow_t", &known);
    return next ? next(size, tag) : cxx_new(size);
}

void *cxx_new_array_nothrow(size_t size, const struct nothrow *tag) {
    static void *_Atomic known;
    if (plain_is_own(cxx_new_array, hak_cxx_new_array) && plain_is_own(cxx_new, hak_cxx_new)) {
        void *block = hak_api_malloc(size);
        hak_cxx_mark(block, HAK_BY_MALLOC, HAK_BY_NEW_ARRAY);
        if (HAK_LIKELY(block != NULL) || !hak_cxx_current_handler())
            return block;
    }
    plain_nothrow_form *next = (plain_nothrow_form *)next_form("_ZnamRKSt9nothrow_t", &known);
    return next ? next(size, tag) : cxx_new_array(size);
}

void *cxx_new_aligned_nothrow(size_t size, align_val alignment, const struct nothrow *tag) {
    static void *_Atomic known;
    if (aligned_is_own(cxx_new_aligned, hak_cxx_new_aligned)) {
        if (HAK_UNLIKELY(!hak_is_power_of_two(alignment)))
            return NULL;
        void *block = hak_api_memalign(alignment, size);
        hak_cxx_mark(block, HAK_BY_MALLOC, HAK_BY_ALIGNED_NEW);
        if (HAK_LIKELY(block != NULL) || !hak_cxx_current_handler())
            return block;
    }
    aligned_nothrow_form *next =
        (aligned_nothrow_form *)next_form("_ZnwmSt11align_val_tRKSt9nothrow_t", &known);
    return next ? next(size, alignment, tag) : cxx_new_aligned(size, alignment);
}

void *cxx_new_array_aligned_nothrow(size_t size, align_val alignment, const struct nothrow *tag) {
    static void *_Atomic known;
    if (aligned_is_own(cxx_new_array_aligned, hak_cxx_new_array_aligned) &&
        aligned_is_own(cxx_new_aligned, hak_cxx_new_aligned)) {
        if (HAK_UNLIKELY(!hak_is_power_of_two(alignment)))
            return NULL;
        void *block = hak_api_memalign(alignment, size);
        hak_cxx_mark(block, HAK_BY_MALLOC, HAK_BY_ALIGNED_NEW_ARRAY);
        if (HAK_LIKELY(block != NULL) || !hak_cxx_current_handler())
            return block;
    }
    aligned_nothrow_form *next =
        (aligned_nothrow_form *)next_form("_ZnamSt11align_val_tRKSt9nothrow_t", &known);
    return next ? next(size, alignment, tag) : cxx_new_array_aligned(size, alignment);
}

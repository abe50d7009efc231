/* SPDX-License-Identifier: MIT */
/*
 * Owns the C++ operators new and delete in all their forms, written in C under their mangled names,
 * so that the library needs no libstdc++. Any thread may call.
 *
 * Base forms (new, aligned new, delete, aligned delete) go to the heap. Every other form reaches
 * its base through the dynamic linker, never through an alias, so that a program's own replacement
 * of a base form serves all forms, as the C++ standard asks.
 *
 * C can't catch. Where an exception has to become NULL (nothrow forms above a base that may throw),
 * the call is passed on to the next definition, the C++ library's, which catches.
 */
#define _GNU_SOURCE
#include "api/api.h"

#include "base/bits.h"
#include "base/compiler.h"
#include "os/os_fatal.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

/* A static program may have no dynamic linker to ask. */
#pragma weak dlopen
#pragma weak dlsym
#pragma weak dlclose

struct nothrow;
typedef size_t align_val;
typedef void new_handler(void);

#define CXX(symbol) __asm__(symbol) __attribute__((weak, visibility("default")))

void *cxx_new(size_t size) CXX("_Znwm");
void *cxx_new_array(size_t size) CXX("_Znam");
void *cxx_new_nothrow(size_t size, const struct nothrow *tag) CXX("_ZnwmRKSt9nothrow_t");
void *cxx_new_array_nothrow(size_t size, const struct nothrow *tag) CXX("_ZnamRKSt9nothrow_t");
void *cxx_new_aligned(size_t size, align_val alignment) CXX("_ZnwmSt11align_val_t");
void *cxx_new_array_aligned(size_t size, align_val alignment) CXX("_ZnamSt11align_val_t");
void *cxx_new_aligned_nothrow(size_t size, align_val alignment, const struct nothrow *tag)
    CXX("_ZnwmSt11align_val_tRKSt9nothrow_t");
void *cxx_new_array_aligned_nothrow(size_t size, align_val alignment, const struct nothrow *tag)
    CXX("_ZnamSt11align_val_tRKSt9nothrow_t");

void cxx_delete(void *block) CXX("_ZdlPv");
void cxx_delete_array(void *block) CXX("_ZdaPv");
void cxx_delete_nothrow(void *block, const struct nothrow *tag) CXX("_ZdlPvRKSt9nothrow_t");
void cxx_delete_array_nothrow(void *block, const struct nothrow *tag) CXX("_ZdaPvRKSt9nothrow_t");
void cxx_delete_sized(void *block, size_t size) CXX("_ZdlPvm");
void cxx_delete_array_sized(void *block, size_t size) CXX("_ZdaPvm");
void cxx_delete_aligned(void *block, align_val alignment) CXX("_ZdlPvSt11align_val_t");
void cxx_delete_array_aligned(void *block, align_val alignment) CXX("_ZdaPvSt11align_val_t");
void cxx_delete_aligned_nothrow(void *block, align_val alignment, const struct nothrow *tag)
    CXX("_ZdlPvSt11align_val_tRKSt9nothrow_t");
void cxx_delete_array_aligned_nothrow(void *block, align_val alignment, const struct nothrow *tag)
    CXX("_ZdaPvSt11align_val_tRKSt9nothrow_t");
void cxx_delete_aligned_sized(void *block, size_t size, align_val alignment)
    CXX("_ZdlPvmSt11align_val_t");
void cxx_delete_array_aligned_sized(void *block, size_t size, align_val alignment)
    CXX("_ZdaPvmSt11align_val_t");

/* The C++ library's, where it is in the program's own scope. */
extern new_handler *std_get_new_handler(void) __asm__("_ZSt15get_new_handlerv")
    __attribute__((weak));
extern void std_throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((weak));

/* The C++ library may have come with a plugin, out of our scope: asked for by name, never loaded.
 */
static HAK_COLD void *plugin_symbol(const char *symbol) {
    static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1", "libc++abi.so.1"};
    void *found = NULL;
    if (!dlopen || !dlsym || !dlclose)
        return NULL;
    for (size_t i = 0; !found && i < sizeof libraries / sizeof libraries[0]; i++) {
        void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD);
        if (library) {
            found = dlsym(library, symbol);
            dlclose(library); /* whoever brought it still holds it */
        }
    }
    return found;
}

static HAK_COLD new_handler *current_handler(void) {
    new_handler *(*get)(void) = std_get_new_handler;
    if (!get)
        get = (new_handler * (*)(void)) plugin_symbol("_ZSt15get_new_handlerv");
    return get ? get() : NULL;
}

static HAK_COLD __attribute__((noreturn)) void throw_bad_alloc(void) {
    void (*throw)(void) = std_throw_bad_alloc;
    if (!throw)
        throw = (void (*)(void))plugin_symbol("_ZSt17__throw_bad_allocv");
    if (throw)
        throw();
    hak_fatal(HAK_FATAL_NO_BAD_ALLOC, NULL, 0, HAK_NO_THREAD);
}

/* alignment 0: malloc's own. The standard's loop: each handler may make room, throw, or not return.
 */
static HAK_COLD void *new_slow(size_t size, align_val alignment) {
    void *block;
    do {
        new_handler *handler = current_handler();
        if (!handler)
            throw_bad_alloc();
        handler();
        block = alignment ? hak_api_memalign(alignment, size) : hak_api_malloc(size);
    } while (!block);
    return block;
}

static void *own_new(size_t size) {
    void *block = hak_api_malloc(size);
    return HAK_LIKELY(block != NULL) ? block : new_slow(size, 0);
}

/* As libstdc++ does: an alignment that can't be is no matter for handlers. */
static void *own_new_aligned(size_t size, align_val alignment) {
    if (HAK_UNLIKELY(!hak_is_power_of_two(alignment)))
        throw_bad_alloc();
    void *block = hak_api_memalign(alignment, size);
    return HAK_LIKELY(block != NULL) ? block : new_slow(size, alignment);
}

static void *own_new_array(size_t size) {
    return cxx_new(size);
}

static void *own_new_array_aligned(size_t size, align_val alignment) {
    return cxx_new_aligned(size, alignment);
}

/* The exported names are these functions' second names, so that the two can be told apart below. */
void *cxx_new(size_t size) __attribute__((alias("own_new")));
void *cxx_new_aligned(size_t size, align_val alignment) __attribute__((alias("own_new_aligned")));
void *cxx_new_array(size_t size) __attribute__((alias("own_new_array")));
void *cxx_new_array_aligned(size_t size, align_val alignment)
    __attribute__((alias("own_new_array_aligned")));

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
    next = dlsym ? dlsym(RTLD_NEXT, symbol) : NULL;
    if (!next)
        return plugin_symbol(symbol); /* not kept: a plugin may go */
    atomic_store_explicit(known, next, memory_order_relaxed);
    return next;
}

void *cxx_new_nothrow(size_t size, const struct nothrow *tag) {
    static void *_Atomic known;
    if (plain_is_own(cxx_new, own_new)) {
        void *block = hak_api_malloc(size);
        if (HAK_LIKELY(block != NULL) || !current_handler())
            return block;
    }
    plain_nothrow_form *next = (plain_nothrow_form *)next_form("_ZnwmRKSt9nothrow_t", &known);
    return next ? next(size, tag) : cxx_new(size);
}

void *cxx_new_array_nothrow(size_t size, const struct nothrow *tag) {
    static void *_Atomic known;
    if (plain_is_own(cxx_new_array, own_new_array) && plain_is_own(cxx_new, own_new)) {
        void *block = hak_api_malloc(size);
        if (HAK_LIKELY(block != NULL) || !current_handler())
            return block;
    }
    plain_nothrow_form *next = (plain_nothrow_form *)next_form("_ZnamRKSt9nothrow_t", &known);
    return next ? next(size, tag) : cxx_new_array(size);
}

void *cxx_new_aligned_nothrow(size_t size, align_val alignment, const struct nothrow *tag) {
    static void *_Atomic known;
    if (aligned_is_own(cxx_new_aligned, own_new_aligned)) {
        if (HAK_UNLIKELY(!hak_is_power_of_two(alignment)))
            return NULL;
        void *block = hak_api_memalign(alignment, size);
        if (HAK_LIKELY(block != NULL) || !current_handler())
            return block;
    }
    aligned_nothrow_form *next =
        (aligned_nothrow_form *)next_form("_ZnwmSt11align_val_tRKSt9nothrow_t", &known);
    return next ? next(size, alignment, tag) : cxx_new_aligned(size, alignment);
}

void *cxx_new_array_aligned_nothrow(size_t size, align_val alignment, const struct nothrow *tag) {
    static void *_Atomic known;
    if (aligned_is_own(cxx_new_array_aligned, own_new_array_aligned) &&
        aligned_is_own(cxx_new_aligned, own_new_aligned)) {
        if (HAK_UNLIKELY(!hak_is_power_of_two(alignment)))
            return NULL;
        void *block = hak_api_memalign(alignment, size);
        if (HAK_LIKELY(block != NULL) || !current_handler())
            return block;
    }
    aligned_nothrow_form *next =
        (aligned_nothrow_form *)next_form("_ZnamSt11align_val_tRKSt9nothrow_t", &known);
    return next ? next(size, alignment, tag) : cxx_new_array_aligned(size, alignment);
}

void cxx_delete(void *block) {
    hak_api_free(block);
}

void cxx_delete_array(void *block) {
    cxx_delete(block);
}

void cxx_delete_nothrow(void *block, const struct nothrow *tag) {
    (void)tag;
    cxx_delete(block);
}

void cxx_delete_array_nothrow(void *block, const struct nothrow *tag) {
    (void)tag;
    cxx_delete_array(block);
}

/* Shipped programs pass wrong sizes; the heap knows better, so a size is not looked at. */
void cxx_delete_sized(void *block, size_t size) {
    (void)size;
    cxx_delete(block);
}

void cxx_delete_array_sized(void *block, size_t size) {
    (void)size;
    cxx_delete_array(block);
}

void cxx_delete_aligned(void *block, align_val alignment) {
    (void)alignment;
    hak_api_free(block);
}

void cxx_delete_array_aligned(void *block, align_val alignment) {
    cxx_delete_aligned(block, alignment);
}

void cxx_delete_aligned_nothrow(void *block, align_val alignment, const struct nothrow *tag) {
    (void)tag;
    cxx_delete_aligned(block, alignment);
}

void cxx_delete_array_aligned_nothrow(void *block, align_val alignment, const struct nothrow *tag) {
    (void)tag;
    cxx_delete_array_aligned(block, alignment);
}

void cxx_delete_aligned_sized(void *block, size_t size, align_val alignment) {
    (void)size;
    cxx_delete_aligned(block, alignment);
}

void cxx_delete_array_aligned_sized(void *block, size_t size, align_val alignment) {
    (void)size;
    cxx_delete_array_aligned(block, alignment);
}

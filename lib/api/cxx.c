/* SPDX-License-Identifier: MIT */
/*
 * Owns the C++ operators new and delete, written in C under their mangled names, so that the
 * library needs no libstdc++; the nothrow forms of new are in cxx_nothrow.c. Any thread may call.
 *
 * Base forms (new, aligned new, delete, aligned delete) go to the heap. Every other form reaches
 * its base through the dynamic linker, never through an alias, so that a program's own replacement
 * of a base form serves all forms, as the C++ standard asks.
 */
#define _GNU_SOURCE
#include "api/cxx.h"

#include "api/api.h"
#include "api/cxx_own.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "os/os_fatal.h"

#include <dlfcn.h>
#include <stdatomic.h>

/* A static program may have no dynamic linker to ask. */
#pragma weak dlopen
#pragma weak dlsym
#pragma weak dlclose

/* The C++ library's, where it is in the program's own scope. */
extern hak_new_handler *std_get_new_handler(void) __asm__("_ZSt15get_new_handlerv")
    __attribute__((weak));
extern void std_throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((weak));

/* The C++ library may have come with a plugin, out of our scope: asked by name, never loaded. */
HAK_COLD void *hak_cxx_plugin_symbol(const char *symbol) {
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

HAK_COLD hak_new_handler *hak_cxx_current_handler(void) {
    hak_new_handler *(*get)(void) = std_get_new_handler;
    if (!get)
        get = (hak_new_handler * (*)(void)) hak_cxx_plugin_symbol("_ZSt15get_new_handlerv");
    return get ? get() : NULL;
}

static HAK_COLD __attribute__((noreturn)) void throw_bad_alloc(void) {
    void (*throw)(void) = std_throw_bad_alloc;
    if (!throw)
        throw = (void (*)(void))hak_cxx_plugin_symbol("_ZSt17__throw_bad_allocv");
    if (throw)
        throw();
    hak_fatal(HAK_FATAL_NO_BAD_ALLOC, NULL, 0, HAK_NO_THREAD);
}

/* alignment 0: malloc's own. The standard's loop: a handler makes room, throws or never returns. */
static HAK_COLD void *new_slow(size_t size, align_val alignment) {
    void *block;
    do {
        hak_new_handler *handler = hak_cxx_current_handler();
        if (!handler)
            throw_bad_alloc();
        handler();
        block = alignment ? hak_api_memalign(alignment, size) : hak_api_malloc(size);
    } while (!block);
    return block;
}

void *hak_cxx_new(size_t size) {
    void *block = hak_api_malloc(size);
    if (HAK_UNLIKELY(block == NULL))
        block = new_slow(size, 0);
    hak_cxx_mark(block, HAK_BY_MALLOC, HAK_BY_NEW);
    return block;
}

/* As libstdc++ does: an alignment that can't be is no matter for handlers. */
void *hak_cxx_new_aligned(size_t size, align_val alignment) {
    if (HAK_UNLIKELY(!hak_is_power_of_two(alignment)))
        throw_bad_alloc();
    void *block = hak_api_memalign(alignment, size);
    if (HAK_UNLIKELY(block == NULL))
        block = new_slow(size, alignment);
    hak_cxx_mark(block, HAK_BY_MALLOC, HAK_BY_ALIGNED_NEW);
    return block;
}

void *hak_cxx_new_array(size_t size) {
    void *block = cxx_new(size);
    hak_cxx_mark(block, HAK_BY_NEW, HAK_BY_NEW_ARRAY);
    return block;
}

void *hak_cxx_new_array_aligned(size_t size, align_val alignment) {
    void *block = cxx_new_aligned(size, alignment);
    hak_cxx_mark(block, HAK_BY_ALIGNED_NEW, HAK_BY_ALIGNED_NEW_ARRAY);
    return block;
}

/* The exported names are second names of these functions, so that the two can be told apart. */
void *cxx_new(size_t size) __attribute__((alias("hak_cxx_new")));
void *cxx_new_aligned(size_t size, align_val alignment)
    __attribute__((alias("hak_cxx_new_aligned")));
void *cxx_new_array(size_t size) __attribute__((alias("hak_cxx_new_array")));
void *cxx_new_array_aligned(size_t size, align_val alignment)
    __attribute__((alias("hak_cxx_new_array_aligned")));

void hak_cxx_delete(void *block) {
    hak_cxx_unmark(block, HAK_BY_NEW, HAK_BY_MALLOC);
    hak_api_free(block);
}

void hak_cxx_delete_array(void *block) {
    hak_cxx_unmark(block, HAK_BY_NEW_ARRAY, HAK_BY_NEW);
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

/* Shipped programs pass wrong sizes; the heap knows better, so only check_delete looks at one. */
static void check_size(const void *block, size_t size, enum hak_block_kind kind) {
    if (HAK_UNLIKELY(hak_hardened.checks_delete) && hak_cxx_is_own(kind))
        hak_hardened_block_check_size(block, size);
}

void hak_cxx_delete_sized(void *block, size_t size) {
    check_size(block, size, HAK_BY_NEW);
    cxx_delete(block);
}

void hak_cxx_delete_array_sized(void *block, size_t size) {
    check_size(block, size, HAK_BY_NEW_ARRAY);
    cxx_delete_array(block);
}

void hak_cxx_delete_aligned(void *block, align_val alignment) {
    (void)alignment;
    hak_cxx_unmark(block, HAK_BY_ALIGNED_NEW, HAK_BY_MALLOC);
    hak_api_free(block);
}

void hak_cxx_delete_array_aligned(void *block, align_val alignment) {
    hak_cxx_unmark(block, HAK_BY_ALIGNED_NEW_ARRAY, HAK_BY_ALIGNED_NEW);
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
    check_size(block, size, HAK_BY_ALIGNED_NEW);
    cxx_delete_aligned(block, alignment);
}

void cxx_delete_array_aligned_sized(void *block, size_t size, align_val alignment) {
    check_size(block, size, HAK_BY_ALIGNED_NEW_ARRAY);
    cxx_delete_array_aligned(block, alignment);
}

void cxx_delete(void *block) __attribute__((alias("hak_cxx_delete")));
void cxx_delete_array(void *block) __attribute__((alias("hak_cxx_delete_array")));
void cxx_delete_sized(void *block, size_t size) __attribute__((alias("hak_cxx_delete_sized")));
void cxx_delete_array_sized(void *block, size_t size)
    __attribute__((alias("hak_cxx_delete_array_sized")));
void cxx_delete_aligned(void *block, align_val alignment)
    __attribute__((alias("hak_cxx_delete_aligned")));
void cxx_delete_array_aligned(void *block, align_val alignment)
    __attribute__((alias("hak_cxx_delete_array_aligned")));

#define FORM(name, symbol)                                                                         \
    { (void (*)(void)) cxx_##name, (void (*)(void))hak_cxx_##name, symbol }

static const struct hak_cxx_form plain_forms[] = {
    FORM(new, "_Znwm"),
    FORM(new_array, "_Znam"),
    FORM(delete, "_ZdlPv"),
    FORM(delete_array, "_ZdaPv"),
    FORM(delete_sized, "_ZdlPvm"),
    FORM(delete_array_sized, "_ZdaPvm"),
};

static const struct hak_cxx_form aligned_forms[] = {
    FORM(new_aligned, "_ZnwmSt11align_val_t"),
    FORM(new_array_aligned, "_ZnamSt11align_val_t"),
    FORM(delete_aligned, "_ZdlPvSt11align_val_t"),
    FORM(delete_array_aligned, "_ZdaPvSt11align_val_t"),
};

static bool find_own(bool is_aligned) {
    if (is_aligned)
        return hak_cxx_own_all(aligned_forms, sizeof aligned_forms / sizeof aligned_forms[0]);
    return hak_cxx_own_all(plain_forms, sizeof plain_forms / sizeof plain_forms[0]);
}

bool hak_cxx_is_own(enum hak_block_kind kind) {
    enum { UNKNOWN, OWN, OTHER };
    static _Atomic int known[2]; /* relaxed: whoever finds it finds the same */
    bool is_aligned = kind == HAK_BY_ALIGNED_NEW || kind == HAK_BY_ALIGNED_NEW_ARRAY;
    int answer = atomic_load_explicit(&known[is_aligned], memory_order_relaxed);
    if (answer == UNKNOWN) {
        answer = find_own(is_aligned) ? OWN : OTHER;
        atomic_store_explicit(&known[is_aligned], answer, memory_order_relaxed);
    }
    return answer == OWN;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the names of the C++ operators as C sees them: each declaration carries its mangled name. A
 * call of cxx_… goes through the dynamic linker, to the program's own definition if it has one;
 * hak_cxx_… are our own definitions of the same forms, for comparison. The two files of operators
 * alone include this. Any thread may call.
 */
#ifndef HAK_API_CXX_H
#define HAK_API_CXX_H

#include "hardening/hardened_block.h"

struct nothrow;
typedef size_t align_val;

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

void *hak_cxx_new(size_t size);
void *hak_cxx_new_array(size_t size);
void *hak_cxx_new_aligned(size_t size, align_val alignment);
void *hak_cxx_new_array_aligned(size_t size, align_val alignment);

typedef void hak_new_handler(void);

/* The handler that the program has set, NULL: none, or no C++ library to ask. */
hak_new_handler *hak_cxx_current_handler(void);

/* The symbol of a C++ library that a plugin brought, out of our scope; NULL: there is none. */
void *hak_cxx_plugin_symbol(const char *symbol);

void hak_cxx_delete(void *block);
void hak_cxx_delete_array(void *block);
void hak_cxx_delete_sized(void *block, size_t size);
void hak_cxx_delete_array_sized(void *block, size_t size);
void hak_cxx_delete_aligned(void *block, align_val alignment);
void hak_cxx_delete_array_aligned(void *block, align_val alignment);

/*
 * True if new and delete of a kind are both ours, in every form, for everybody in the process. A
 * program or library may replace one of them alone, and join it with malloc or free: then nobody
 * knows what belongs together, and nothing is checked. Array forms go with the plain ones.
 */
bool hak_cxx_is_own(enum hak_block_kind kind);

/* check_delete: a block remembers which form made it, and that form's counterpart must end it. An
 * array form goes through its base form, so a block changes its kind on the way. */
HAK_INLINE void hak_cxx_mark(void *block, enum hak_block_kind from, enum hak_block_kind to) {
    if (HAK_UNLIKELY(hak_hardened.checks_delete) && hak_cxx_is_own(to))
        hak_hardened_block_mark(block, from, to);
}

HAK_INLINE void hak_cxx_unmark(void *block, enum hak_block_kind from, enum hak_block_kind to) {
    if (HAK_UNLIKELY(hak_hardened.checks_delete) && hak_cxx_is_own(from))
        hak_hardened_block_unmark(block, from, to);
}

#endif

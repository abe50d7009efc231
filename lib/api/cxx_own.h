/* SPDX-License-Identifier: MIT */
/*
 * Owns the answer to "does everybody's operator new, or delete, lead here?".
 */
#ifndef HAK_API_CXX_OWN_H
#define HAK_API_CXX_OWN_H

#include "base/compiler.h"

struct hak_cxx_form {
    void (*bound)(void); /* what the dynamic linker, or the linker, chose */
    void (*own)(void);
    char symbol[24];
};

/* True if all of these are ours for everybody in the process. */
bool hak_cxx_own_all(const struct hak_cxx_form *form, size_t count);

#endif

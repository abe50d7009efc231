/* SPDX-License-Identifier: MIT */
/*
 * The call of libiberty, which knows C++ and both manglings of Rust.
 */
#include "profile/demangle.h"

#include <libiberty/demangle.h>
#include <stddef.h>

char *hak_demangle(const char *name) {
    return name ? cplus_demangle(name, DMGL_ANSI | DMGL_AUTO) : NULL;
}

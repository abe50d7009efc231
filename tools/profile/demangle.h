/* SPDX-License-Identifier: MIT */
/*
 * The names of C++ and Rust functions as people write them. Stateless.
 */
#ifndef HAK_TOOLS_PROFILE_DEMANGLE_H
#define HAK_TOOLS_PROFILE_DEMANGLE_H

/* The name without its arguments, which the caller frees; NULL: it is none of a mangled function.
 */
char *hak_demangle(const char *name);

#endif

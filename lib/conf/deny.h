/* SPDX-License-Identifier: MIT */
/*
 * Owns the deny list's meaning: programs that are to run without the library. One pattern a line,
 * as fnmatch(3) has them; without a slash it is compared with the path's last part, with one with
 * all of it. Blank lines and what follows `#` don't count. hakmem-run compiles it, too. Stateless.
 */
#ifndef HAK_CONF_DENY_H
#define HAK_CONF_DENY_H

#include "base/compiler.h"

#define HAK_DENY_PATTERN_CHARS 1024u /* a longer line fits nothing */

/* The number of the first line that fits one of the paths, which end with NULL; 0: none does. */
unsigned hak_deny_line(const char *list, size_t bytes, const char *const *paths);

/* True if there is any pattern. */
bool hak_deny_has_patterns(const char *list, size_t bytes);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the deny list: programs that hakmem-run starts without the library. One pattern a line, as
 * fnmatch(3) has them; without a slash it is compared with the program's name, with one with its
 * path. Blank lines and what follows `#` don't count. Used once, by one thread.
 */
#ifndef HAK_TOOLS_DENY_H
#define HAK_TOOLS_DENY_H

#include "program.h"

/* Where the list was installed to; HAKMEM_DENY names another one. */
#define HAK_DENY_LIST HAK_SYSCONFDIR "/hakmem/deny"

/* Makes a pattern that fits the program, or its interpreter, the program's obstacle. */
void hak_deny(struct hak_program *program);

#endif

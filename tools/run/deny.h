/* SPDX-License-Identifier: MIT */
/*
 * Owns the deny list's place and its reading; what it means is lib/conf/deny.h's. Used once, by
 * one thread.
 */
#ifndef HAK_TOOLS_RUN_DENY_H
#define HAK_TOOLS_RUN_DENY_H

#include "run/program.h"

/* Where the list was installed to; HAKMEM_DENY names another one. */
#define HAK_DENY_LIST HAK_SYSCONFDIR "/hakmem/deny"

/*
 * Makes a pattern that fits the program, or its interpreter, the program's obstacle. If the list
 * is handed on and has patterns, sets HAKMEM_DENY to its path: the library looks there, too, in
 * the programs that the program starts.
 */
void hak_deny(struct hak_program *program, bool is_handed_on);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the sealing of what no longer changes once the process has started: variables that are
 * declared HAK_SEALED lie in the part of the file that the dynamic linker makes read-only after
 * relocation (RELRO). The start opens it, the library's constructor closes it; a fork's child opens
 * it for a moment if it has to begin anew. Only the thread that does so may call.
 */
#ifndef HAK_OS_SEAL_H
#define HAK_OS_SEAL_H

#include "base/compiler.h"

/* Before sealed variables are written; once more changes nothing. False: they can't be. */
bool hak_os_seal_open(void);

bool hak_os_seal_is_open(void);

/* Not before everything is relocated: in a static program it is the whole program's part. */
void hak_os_seal_close(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of what the kernel handed to the process: environment, secure execution, limits.
 * Called at start, before main is possible; nothing here allocates or takes libc's locks.
 */
#ifndef HAK_OS_ENV_H
#define HAK_OS_ENV_H

#include "base/compiler.h"

/* Secure execution (setuid, file capabilities): the environment must not be trusted. */
bool hak_env_is_secure(void);

/* The environment block, terminated by NULL; also before libc has set environ. NULL: not known. */
const char *const *hak_env_block(void);

/* The path that the program was started by; of a script its own, not its interpreter's. */
const char *hak_env_program_path(void);

/* Bytes of main memory; a guess of 1 GiB when the kernel doesn't tell. */
size_t hak_os_memory_bytes(void);
size_t hak_os_memory_and_swap_bytes(void);

/* RLIMIT_AS in bytes, SIZE_MAX without a limit. */
size_t hak_os_address_limit_bytes(void);

/* Kernel id of the calling thread. */
int hak_os_thread_id(void);

#endif

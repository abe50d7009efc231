/* SPDX-License-Identifier: MIT */
/*
 * Owns the answer to "what goes into LD_PRELOAD?": the bare soname where the dynamic linker finds
 * our library by it, so that no path appears in the environment; else the library's path.
 * Order: HAKMEM_LIBRARY, the build tree beside this tool, the library this tool was installed with.
 */
#ifndef HAK_TOOLS_RUN_LIBRARY_H
#define HAK_TOOLS_RUN_LIBRARY_H

#include <limits.h>
#include <stdbool.h>

/* Writes the entry for LD_PRELOAD; 0, or -1 with a complaint. */
int hak_library_find(char entry[PATH_MAX]);

/* Where the dynamic linker finds a library by its soname, without running anything. */
bool hak_library_is_installed(const char *soname, char path[PATH_MAX]);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns writing to files without stdio. Any thread may call; a descriptor is its caller's.
 */
#ifndef HAK_OS_FILE_H
#define HAK_OS_FILE_H

#include "base/compiler.h"

/* Makes the file if need be, private to the user; a descriptor that exec closes, or -1. */
int hak_os_open_append(const char *path);
void hak_os_close(int descriptor);

/* All of it; 0, or an errno value. */
int hak_os_write(int descriptor, const char *text, size_t bytes);

#endif

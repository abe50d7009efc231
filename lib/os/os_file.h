/* SPDX-License-Identifier: MIT */
/*
 * Owns reading and writing files without stdio. Any thread may call; a descriptor is its caller's.
 */
#ifndef HAK_OS_FILE_H
#define HAK_OS_FILE_H

#include "base/compiler.h"

/* Makes the file if need be, private to the user; a descriptor that exec closes, or -1. */
int hak_os_open_append(const char *path);
void hak_os_close(int descriptor);

/* All of it; 0, or an errno value. */
int hak_os_write(int descriptor, const char *text, size_t bytes);

/* Another number for what is open, which exec closes and few programs use; -1: none. */
int hak_os_duplicate(int descriptor);

/* Which file it is. False: nothing is open there. */
struct hak_os_file_id {
    uint64_t device, inode;
};
bool hak_os_file_identify(int descriptor, struct hak_os_file_id *ret_id);

/* A file's bytes, to be read; NULL: none, or it can't be. */
const char *hak_os_map_file(const char *path, size_t *ret_bytes);
void hak_os_unmap_file(const char *text, size_t bytes);

/* Where a link leads, as a string; false: not known, or too long. */
bool hak_os_read_link(const char *path, char *target, size_t capacity);

#endif

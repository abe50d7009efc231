/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of /proc/self/maps and vm.max_map_count, through a small buffer on the stack, a byte at a time: lines
 * of any length are met. Each call opens and closes the file itself.
 */
#define _GNU_SOURCE
#include "os/os_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct reader {
    int fd;
    size_t next;
    size_t filled;
    char bytes[1024];
};

static int read_byte(struct reader *reader) {
    if (reader->next == reader->filled) {
        ssize_t count = read(reader->fd, reader->bytes, sizeof reader->bytes);
        if (count <= 0)
            return -1;
        reader->filled = (size_t)count;
        reader->next = 0;
    }
    return (unsigned char)reader->bytes[reader->next++];
}

/* Reads hexadecimal digits up to another byte, which is consumed and returned. */
static int read_hex(struct reader *reader, uintptr_t *ret_value) {
    uintptr_t value = 0;
    for (;;) {
        int c = read_byte(reader);
        if (c >= '0' && c <= '9')
            value = value << 4 | (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uintptr_t)(c - 'a' + 10);
        else {
            *ret_value = value;
            return c;
        }
    }
}

/* One line: "start-end perms offset device inode   name". False at the end of the file. */
static bool read_map(struct reader *reader, uintptr_t *ret_start, uintptr_t *ret_end) {
    if (read_hex(reader, ret_start) != '-' || read_hex(reader, ret_end) != ' ')
        return false;
    for (int c = ' '; c != '\n' && c >= 0;)
        c = read_byte(reader);
    return true;
}

size_t hak_os_maps_copy(char *to, size_t room) {
    int saved_errno = errno;
    size_t length = 0;
    ssize_t count;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (count = read(fd, to + length, room - length)) > 0)
        length += (size_t)count;
    if (fd >= 0)
        close(fd);
    while (length && to[length - 1] != '\n')
        length--;
    errno = saved_errno;
    return length;
}

size_t hak_os_maps_count(uintptr_t start, uintptr_t end) {
    int saved_errno = errno;
    size_t count = 0;
    uintptr_t from, to;
    struct reader reader = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    if (reader.fd >= 0) {
        while (read_map(&reader, &from, &to))
            count += from >= start && to <= end;
        close(reader.fd);
    }
    errno = saved_errno;
    return count;
}

size_t hak_os_maps_most(void) {
    int saved_errno = errno;
    size_t most = 0;
    struct reader reader = {.fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC)};
    if (reader.fd >= 0) {
        for (int c; (c = read_byte(&reader)) >= '0' && c <= '9';)
            most = most * 10 + (size_t)(c - '0');
        close(reader.fd);
    }
    errno = saved_errno;
    return most;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of /proc/self/maps, through a small buffer on the stack, a byte at a time: lines
 * of any length are met. Each call opens and closes the file itself.
 */
#define _GNU_SOURCE
#include "os/os_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

/* Skips blank-separated fields; returns the first byte of the next one, or newline. */
static int skip_fields(struct reader *reader, int fields) {
    int c = read_byte(reader);
    for (; fields > 0; fields--) {
        while (c != ' ' && c != '\n' && c >= 0)
            c = read_byte(reader);
        while (c == ' ')
            c = read_byte(reader);
    }
    return c;
}

static enum hak_map_kind kind_of_name(struct reader *reader, int first) {
    char name[8] = {0};
    if (first == '\n' || first < 0)
        return HAK_MAP_ANONYMOUS;
    size_t length = 0;
    for (int c = first; c != '\n' && c >= 0; c = read_byte(reader))
        if (length < sizeof name - 1)
            name[length++] = (char)c;
    if (strcmp(name, "[stack]") == 0)
        return HAK_MAP_STACK;
    if (strcmp(name, "[heap]") == 0)
        return HAK_MAP_BRK;
    return strncmp(name, "[anon:", 6) == 0 ? HAK_MAP_ANONYMOUS : HAK_MAP_FILE;
}

/* One line: "start-end perms offset device inode   name". False at the end of the file. */
static bool read_map(struct reader *reader, struct hak_map *ret_map) {
    if (read_hex(reader, &ret_map->start) != '-' || read_hex(reader, &ret_map->end) != ' ')
        return false;
    read_byte(reader);
    ret_map->is_writable = read_byte(reader) == 'w';
    ret_map->kind = kind_of_name(reader, skip_fields(reader, 4));
    return true;
}

/* Emulators don't name [heap]: it is the mapping that the break lies in. */
static bool holds_break(const struct hak_map *map) {
    uintptr_t end = (uintptr_t)sbrk(0);
    return map->kind == HAK_MAP_ANONYMOUS && map->start < end && end <= map->end;
}

struct hak_map hak_os_map_at(uintptr_t address) {
    int saved_errno = errno;
    struct hak_map map = {HAK_MAP_UNKNOWN, 0, 0, false};
    struct reader reader = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    if (reader.fd >= 0) {
        enum hak_map_kind found = HAK_MAP_NOTHING;
        while (found == HAK_MAP_NOTHING && read_map(&reader, &map))
            if (address >= map.start && address < map.end)
                found = holds_break(&map) ? HAK_MAP_BRK : map.kind;
        map.kind = found;
        close(reader.fd);
    }
    errno = saved_errno;
    return map;
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
    struct hak_map map;
    struct reader reader = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    if (reader.fd >= 0) {
        while (read_map(&reader, &map))
            count += map.start >= start && map.end <= end;
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

/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of /proc/self/maps. Each call opens and closes the file itself; one that is
 * refused has read nothing.
 */
#define _GNU_SOURCE
#include "os/os_maps.h"

#include "os/os_call.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

size_t hak_os_maps_copy(char *to, size_t room) {
    int saved_errno = errno;
    size_t length = 0;
    ssize_t count;
    int fd = hak_os_raw_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    while (fd >= 0 && (count = hak_os_raw_read(fd, to + length, room - length)) > 0)
        length += (size_t)count;
    if (fd >= 0)
        hak_os_raw_close(fd);
    while (length && to[length - 1] != '\n')
        length--;
    errno = saved_errno;
    return length;
}

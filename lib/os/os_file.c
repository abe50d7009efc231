/* SPDX-License-Identifier: MIT */
/*
 * Owns open, write and close. Stateless. Invariant: errno is unchanged.
 */
#include "os/os_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int hak_os_open_append(const char *path) {
    int saved_errno = errno;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    errno = saved_errno;
    return descriptor;
}

void hak_os_close(int descriptor) {
    int saved_errno = errno;
    close(descriptor);
    errno = saved_errno;
}

int hak_os_write(int descriptor, const char *text, size_t bytes) {
    int saved_errno = errno;
    int error = 0;
    while (bytes && !error) {
        ssize_t written = write(descriptor, text, bytes);
        if (written > 0) {
            text += written;
            bytes -= (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            error = written == 0 ? EIO : errno;
        }
    }
    errno = saved_errno;
    return error;
}

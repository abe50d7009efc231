/* SPDX-License-Identifier: MIT */
/*
 * Owns open, write, close and what a descriptor leads to. Stateless. Invariant: errno is unchanged.
 */
#include "os/os_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
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

int hak_os_duplicate(int descriptor) {
    static const int lowest[] = {200, 20, 3};
    int saved_errno = errno, copy = -1;
    for (unsigned i = 0; i < sizeof lowest / sizeof lowest[0] && copy < 0; i++)
        copy = fcntl(descriptor, F_DUPFD_CLOEXEC, lowest[i]);
    errno = saved_errno;
    return copy;
}

bool hak_os_file_identify(int descriptor, struct hak_os_file_id *ret_id) {
    struct stat status;
    int saved_errno = errno;
    bool is_open = fstat(descriptor, &status) == 0;
    errno = saved_errno;
    if (is_open)
        *ret_id = (struct hak_os_file_id){status.st_dev, status.st_ino};
    return is_open;
}

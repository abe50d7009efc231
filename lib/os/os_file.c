/* SPDX-License-Identifier: MIT */
/*
 * Owns open, write, close and what a descriptor leads to. Stateless. Invariant: errno is unchanged.
 */
#include "os/os_file.h"

#include "os/os_call.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_NONBLOCK: a pipe that nobody reads must not stop an exit. A file with a second name may be
 * somebody's trap: the other name is one that the user would not have written to. */
int hak_os_open_append(const char *path) {
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    struct stat status;
    int saved_errno = errno;
    int descriptor = hak_os_raw_open(path, flags, 0600);
    if (descriptor >= 0 &&
        (fstat(descriptor, &status) != 0 || (S_ISREG(status.st_mode) && status.st_nlink != 1))) {
        hak_os_raw_close(descriptor);
        descriptor = -1;
    }
    if (descriptor >= 0)
        fcntl(descriptor, F_SETFL, O_APPEND);
    errno = saved_errno;
    return descriptor;
}

void hak_os_close(int descriptor) {
    int saved_errno = errno;
    hak_os_raw_close(descriptor);
    errno = saved_errno;
}

int hak_os_write(int descriptor, const char *text, size_t bytes) {
    int saved_errno = errno;
    int error = 0;
    while (bytes && !error) {
        ssize_t written = hak_os_raw_write(descriptor, text, bytes);
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

const char *hak_os_map_file(const char *path, size_t *ret_bytes) {
    struct stat status;
    int saved_errno = errno;
    void *text = MAP_FAILED;
    int descriptor = hak_os_raw_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_size > 0) {
        *ret_bytes = (size_t)status.st_size;
        text = mmap(NULL, *ret_bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
    }
    if (descriptor >= 0)
        hak_os_raw_close(descriptor);
    errno = saved_errno;
    return text == MAP_FAILED ? NULL : text;
}

void hak_os_unmap_file(const char *text, size_t bytes) {
    int saved_errno = errno;
    munmap((void *)(uintptr_t)text, bytes);
    errno = saved_errno;
}

bool hak_os_read_link(const char *path, char *target, size_t capacity) {
    int saved_errno = errno;
    ssize_t length = readlink(path, target, capacity);
    errno = saved_errno;
    if (length <= 0 || (size_t)length >= capacity)
        return false;
    target[length] = '\0';
    return true;
}

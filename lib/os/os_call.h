/* SPDX-License-Identifier: MIT */
/*
 * Owns the system calls for which libc has a cancellation point: open, read, write, close and
 * nanosleep. malloc and free are none, and a thread that is cancelled inside one leaves locks held
 * and lists half changed. So these go to the kernel directly; errno is set as by libc's. Included
 * by os/ alone.
 */
#ifndef HAK_OS_CALL_H
#define HAK_OS_CALL_H

#include "base/compiler.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#ifndef O_LARGEFILE
#define O_LARGEFILE 0
#endif

HAK_INLINE int hak_os_raw_open(const char *path, int flags, unsigned mode) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

HAK_INLINE ssize_t hak_os_raw_read(int descriptor, void *to, size_t bytes) {
    return (ssize_t)syscall(SYS_read, descriptor, to, bytes);
}

HAK_INLINE ssize_t hak_os_raw_write(int descriptor, const void *from, size_t bytes) {
    return (ssize_t)syscall(SYS_write, descriptor, from, bytes);
}

HAK_INLINE void hak_os_raw_close(int descriptor) {
    syscall(SYS_close, descriptor);
}

HAK_INLINE void hak_os_raw_sleep(const struct timespec *pause) {
    syscall(SYS_nanosleep, pause, NULL);
}

#endif

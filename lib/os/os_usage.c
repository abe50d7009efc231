/* SPDX-License-Identifier: MIT */
/*
 * Owns the one call of getrusage. Stateless.
 */
#include "os/os_usage.h"

#include <errno.h>
#include <sys/resource.h>

void hak_os_usage(uint64_t *ret_peak_bytes, uint64_t *ret_faults) {
    struct rusage usage = {0};
    int saved_errno = errno;
    getrusage(RUSAGE_SELF, &usage);
    *ret_peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
    *ret_faults = (uint64_t)(usage.ru_minflt + usage.ru_majflt);
    errno = saved_errno;
}

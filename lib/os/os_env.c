/* SPDX-License-Identifier: MIT */
/*
 * Owns the calls getauxval, getrlimit and sysinfo. Stateless, so any thread may call.
 */
#define _GNU_SOURCE
#include "os/os_env.h"

#include "base/bits.h"

#include <pthread.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* Set by ld.so before any other code of the process runs: where the kernel left argc. */
extern void *__libc_stack_end __attribute__((weak));

bool hak_env_is_secure(void) {
    return getauxval(AT_SECURE) != 0;
}

const char *const *hak_env_block(void) {
    if (environ)
        return (const char *const *)environ;
    if (!&__libc_stack_end || !__libc_stack_end)
        return NULL;
    const long *stack = __libc_stack_end; /* argc, argv[argc], NULL, environment, NULL */
    return (const char *const *)(stack + 1 + stack[0] + 1);
}

const char *hak_env_program_path(void) {
    const char *path = (const char *)getauxval(AT_EXECFN);
    return path ? path : "";
}

size_t hak_os_memory_bytes(void) {
    struct sysinfo info;
    if (sysinfo(&info) != 0)
        return HAK_GIB(1);
    return (size_t)info.totalram * info.mem_unit;
}

size_t hak_os_memory_and_swap_bytes(void) {
    struct sysinfo info;
    if (sysinfo(&info) != 0)
        return SIZE_MAX;
    return (size_t)(info.totalram + info.totalswap) * info.mem_unit;
}

size_t hak_os_address_limit_bytes(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    return (size_t)limit.rlim_cur;
}

/* glibc notes the owner's id in a mutex: no system call, so it works under any seccomp filter. */
int hak_os_thread_id(void) {
    pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    pthread_mutex_lock(&mutex);
    int thread_id = mutex.__data.__owner;
    pthread_mutex_unlock(&mutex);
    return thread_id;
}

/* SPDX-License-Identifier: MIT */
/*
 * Loaded in front of libhakmem: stands in for the functions by which the library could make system
 * calls other than those for memory, locks and clocks. One that is called from within the library
 * after its constructor ends the process with its name, unless HAK_SANDBOX_MAY names it. Other
 * callers are served as ever. No header that declares the functions is included: all take and
 * return whole registers here.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

long write(long file, const void *text, long bytes);
void _exit(int status) __attribute__((noreturn));
char *getenv(const char *name);

static uintptr_t library_start, library_end;
static atomic_bool is_on;

static int find_library(struct dl_phdr_info *info, size_t bytes, void *unused) {
    (void)bytes;
    (void)unused;
    if (!strstr(info->dlpi_name, "libhakmem"))
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
            library_start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            library_end = library_start + info->dlpi_phdr[i].p_memsz;
        }
    return 1;
}

/* After that of the library, which comes behind this one in the list of preloads. */
__attribute__((constructor)) static void start(void) {
    if (dl_iterate_phdr(find_library, NULL))
        atomic_store(&is_on, true);
}

/* Names in HAK_SANDBOX_MAY have a blank on either side. */
static bool is_excused(const char *name) {
    const char *may = getenv("HAK_SANDBOX_MAY");
    const char *found = may ? strstr(may, name) : NULL;
    return found && found > may && found[-1] == ' ' && found[strlen(name)] == ' ';
}

static void judge(const char *name, const void *caller) {
    static const char words[] = "sandbox: the library calls ";
    if (!atomic_load(&is_on) || (uintptr_t)caller - library_start >= library_end - library_start)
        return;
    if (is_excused(name))
        return;
    write(2, words, sizeof words - 1);
    write(2, name, (long)strlen(name));
    write(2, "\n", 1);
    _exit(99);
}

/* The next function of the name is looked up in the constructor: in a fork's child the loader's
 * lock may be lost. */
#define STAND_IN(name, is_bad)                                                                     \
    static long (*next_##name)(long, long, long, long, long, long, long);                          \
    __attribute__((constructor)) static void find_##name(void) {                                   \
        *(void **)&next_##name = dlsym(RTLD_NEXT, #name);                                          \
    }                                                                                              \
    long name(long a, long b, long c, long d, long e, long f, long g);                             \
    long name(long a, long b, long c, long d, long e, long f, long g) {                            \
        if (is_bad)                                                                                \
            judge(#name, __builtin_return_address(0));                                             \
        if (!next_##name)                                                                          \
            find_##name();                                                                         \
        return next_##name(a, b, c, d, e, f, g);                                                   \
    }

STAND_IN(close, true)
STAND_IN(execve, true)
STAND_IN(fcntl, true)
STAND_IN(fstat, true)
STAND_IN(ftruncate, true)
STAND_IN(geteuid, true)
STAND_IN(getpid, true)
STAND_IN(getrlimit, true)
STAND_IN(getrusage, true)
STAND_IN(kill, true)
STAND_IN(memfd_create, true)
STAND_IN(nanosleep, true)
STAND_IN(open, true)
STAND_IN(prctl, true)
STAND_IN(raise, true)
STAND_IN(read, true)
STAND_IN(readlink, true)
STAND_IN(shmat, true)
STAND_IN(shmctl, true)
STAND_IN(shmdt, true)
STAND_IN(shmget, true)
STAND_IN(sigaction, true)
STAND_IN(sysinfo, true)
STAND_IN(syscall, a != SYS_futex && a != SYS_write)

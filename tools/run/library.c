/* SPDX-License-Identifier: MIT */
/*
 * Owns the search for the library. Nothing is loaded or run to find out: the dynamic linker's own
 * search path and its cache are read. Used once, by one thread.
 */
#define _GNU_SOURCE
#include "run/library.h"

#include "common/complain.h"
#include "common/elf.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SONAME "libhakmem.so.0"
#define LINKER_CACHE "/etc/ld.so.cache"

/* Can the dynamic linker load this file into programs like ours? */
static bool is_usable(const char *path) {
    struct hak_elf_facts facts;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    hak_elf_read(fd, &facts);
    close(fd);
    return facts.is_elf && facts.is_for_this_machine && facts.is_shared_object;
}

__attribute__((format(printf, 2, 3))) static bool join(char path[PATH_MAX], const char *format,
                                                       ...) {
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(path, PATH_MAX, format, arguments);
    va_end(arguments);
    return wanted >= 0 && wanted < PATH_MAX;
}

/* ---- where would the dynamic linker find a soname? ---- */

static bool is_in_directory(const char *soname, const char *directory, size_t length,
                            char path[PATH_MAX]) {
    return length != 0 && join(path, "%.*s/%s", (int)length, directory, soname) && is_usable(path);
}

static bool is_in_variable(const char *soname, char path[PATH_MAX]) {
    const char *at = getenv("LD_LIBRARY_PATH");
    while (at && *at) {
        size_t length = strcspn(at, ":;");
        if (is_in_directory(soname, at, length, path))
            return true;
        at += length + (at[length] != '\0');
    }
    return false;
}

/* The cache holds the libraries' paths as strings; ours is one that ends with `/` and the soname.
 */
static bool is_in_cache_text(const char *soname, const char *text, size_t size,
                             char path[PATH_MAX]) {
    const char *end = text + size, *at = text;
    while ((at = memmem(at, (size_t)(end - at), soname, strlen(soname) + 1))) {
        const char *start = at;
        if (at == text || at[-1] != '/') {
            at++;
            continue;
        }
        while (start > text && start[-1] != '\0')
            start--;
        if (join(path, "%s", start) && is_usable(path))
            return true;
        at++;
    }
    return false;
}

static bool is_in_cache(const char *soname, char path[PATH_MAX]) {
    struct stat status;
    bool is_found = false;
    int fd = open(LINKER_CACHE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &status) == 0 && status.st_size > 0) {
        size_t size = (size_t)status.st_size;
        void *text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (text != MAP_FAILED) {
            is_found = is_in_cache_text(soname, text, size, path);
            munmap(text, size);
        }
    }
    close(fd);
    return is_found;
}

/* The directories that the dynamic linker was built with; the program has no say in them. */
static bool is_in_default_directories(const char *soname, char path[PATH_MAX]) {
    Dl_serinfo counts, *list;
    bool is_found = false;
    void *self = dlopen(NULL, RTLD_LAZY);
    if (!self || dlinfo(self, RTLD_DI_SERINFOSIZE, &counts) != 0 ||
        !(list = malloc(counts.dls_size)))
        return false;
    *list = counts;
    if (dlinfo(self, RTLD_DI_SERINFO, list) == 0) {
        const Dl_serpath *directories = list->dls_serpath;
        for (unsigned i = 0; i < list->dls_cnt && !is_found; i++)
            is_found = is_in_directory(soname, directories[i].dls_name,
                                       strlen(directories[i].dls_name), path);
    }
    free(list);
    return is_found;
}

bool hak_library_is_installed(const char *soname, char path[PATH_MAX]) {
    return is_in_variable(soname, path) || is_in_cache(soname, path) ||
           is_in_default_directories(soname, path);
}

/* ---- where is our own? ---- */

/* The folder that holds this tool, without a slash at its end. */
static bool own_folder(char folder[PATH_MAX]) {
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length <= 0)
        return false;
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

/* In the build tree the tool lies beside libtool's folder, or in it. */
static bool is_in_build_tree(const char *folder, char path[PATH_MAX]) {
    const char *name = strrchr(folder, '/');
    if (name && strcmp(name, "/.libs") == 0)
        return join(path, "%s/" SONAME, folder) && is_usable(path);
    return join(path, "%s/.libs/" SONAME, folder) && is_usable(path);
}

/*
 * The library that was installed with this tool, also if the whole tree was moved: what bindir and
 * libdir have in common is replaced by what this tool's folder has in its place.
 */
static bool is_installed_with(const char *folder, char path[PATH_MAX]) {
    size_t common = 0; /* ends after the last slash that both have */
    for (size_t i = 0; HAK_BINDIR[i] != '\0' && HAK_BINDIR[i] == HAK_LIBDIR[i]; i++) {
        if (HAK_BINDIR[i] == '/')
            common = i + 1;
    }
    const char *tail = &HAK_BINDIR[common];
    size_t folder_length = strlen(folder), tail_length = strlen(tail);
    return tail_length < folder_length && strcmp(folder + folder_length - tail_length, tail) == 0 &&
           join(path, "%.*s%s/" SONAME, (int)(folder_length - tail_length), folder,
                &HAK_LIBDIR[common]) &&
           is_usable(path);
}

static bool is_same_file(const char *a, const char *b) {
    struct stat a_status, b_status;
    return stat(a, &a_status) == 0 && stat(b, &b_status) == 0 &&
           a_status.st_dev == b_status.st_dev && a_status.st_ino == b_status.st_ino;
}

/* ---- the answer ---- */

/* LD_PRELOAD has no way to quote its separators. */
static int check_path(const char *path) {
    if (!strpbrk(path, " :$"))
        return 0;
    hak_complain("%s: LD_PRELOAD cannot hold a path with a space, a colon or a dollar sign", path);
    return -1;
}

static int find_named(const char *name, char entry[PATH_MAX]) {
    char path[PATH_MAX];
    if (!realpath(name, path)) {
        hak_complain("HAKMEM_LIBRARY=%s: %s", name, strerror(errno));
        return -1;
    }
    if (!is_usable(path)) {
        hak_complain("HAKMEM_LIBRARY=%s: not a shared library for this machine", name);
        return -1;
    }
    strcpy(entry, path);
    return check_path(entry);
}

static int find_installed(const char *folder, char entry[PATH_MAX]) {
    char found[PATH_MAX];
    bool has_own = is_installed_with(folder, entry);
    bool has_found = hak_library_is_installed(SONAME, found);
    if (!has_own && !has_found) {
        hak_complain(SONAME " not found (install it, or name it with HAKMEM_LIBRARY)");
        return -1;
    }
    if (has_own && !(has_found && is_same_file(entry, found)))
        return check_path(entry);
    strcpy(entry, SONAME);
    return 0;
}

int hak_library_find(char entry[PATH_MAX]) {
    char folder[PATH_MAX];
    const char *named = getenv("HAKMEM_LIBRARY");
    if (named && *named)
        return find_named(named, entry);
    if (!own_folder(folder))
        return find_installed("", entry);
    if (strcmp(folder, HAK_BINDIR) != 0 && is_in_build_tree(folder, entry))
        return check_path(entry);
    return find_installed(folder, entry);
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns the search along PATH, the `#!` lines and the list of obstacles. Used once, by one thread;
 * what it allocates lives until the program is executed.
 * A file that cannot be read or understood has no obstacle: the kernel judges it when it is run.
 */
#define _GNU_SOURCE
#include "run/program.h"

#include "common/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPT_LEVELS 4      /* the kernel's own limit on interpreters of interpreters */
#define SCRIPT_LINE_MAX 256u /* as much as the kernel reads of the first line */
#define BLANKS " \t"

/* ---- the search ---- */

static int check_candidate(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0)
        return errno;
    if (!S_ISREG(status.st_mode))
        return EACCES;
    return access(path, X_OK) == 0 ? 0 : errno;
}

static int search(const char *name, const char *directories, char path[PATH_MAX]) {
    int result = ENOENT;
    for (const char *at = directories;; at++) {
        size_t length = strcspn(at, ":");
        int wanted =
            snprintf(path, PATH_MAX, "%.*s/%s", length ? (int)length : 1, length ? at : ".", name);
        int error = wanted < PATH_MAX ? check_candidate(path) : ENOENT;
        if (error == 0)
            return 0;
        if (error == EACCES)
            result = EACCES;
        at += length;
        if (*at == '\0')
            return result;
    }
}

int hak_program_find(const char *name, char path[PATH_MAX]) {
    const char *directories = getenv("PATH");
    if (*name == '\0')
        return ENOENT;
    if (!strchr(name, '/'))
        return search(name, directories ? directories : "/bin:/usr/bin", path);
    if (strlen(name) >= PATH_MAX)
        return ENAMETOOLONG;
    strcpy(path, name);
    return check_candidate(path);
}

/* ---- scripts ---- */

struct script {
    char line[SCRIPT_LINE_MAX + 1]; /* the first line, cut into the two parts below */
    char *interpreter;
    char *argument; /* all of the rest; may be empty */
};

static void cut_trailing_blanks(char *text) {
    size_t length = strlen(text);
    while (length > 0 && strchr(BLANKS, text[length - 1]))
        text[--length] = '\0';
}

static bool read_script(int fd, struct script *script) {
    ssize_t bytes = pread(fd, script->line, SCRIPT_LINE_MAX, 0);
    if (bytes < 2 || memcmp(script->line, "#!", 2) != 0)
        return false;
    script->line[bytes] = '\0';
    script->line[strcspn(script->line, "\n")] = '\0';
    cut_trailing_blanks(script->line);
    script->interpreter = script->line + 2 + strspn(script->line + 2, BLANKS);
    char *end = script->interpreter + strcspn(script->interpreter, BLANKS);
    script->argument = end + strspn(end, BLANKS);
    *end = '\0';
    return *script->interpreter != '\0';
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The program that env would start; NULL: none is named. Cuts the script's argument. */
static char *env_program(struct script *script) {
    char *rest = script->argument, *word;
    while ((word = strsep(&rest, BLANKS))) {
        if (strncmp(word, "-S", 2) == 0)
            word += 2;
        if (*word != '\0' && *word != '-' && !strchr(word, '='))
            return word;
    }
    return NULL;
}

/* argv of `name path argv[1]…`, as the kernel and env would make it together. */
static char **unwrapped_arguments(const char *name, const char *path, char **argv) {
    size_t count = 0;
    while (argv[count])
        count++;
    char **unwrapped = calloc(count + 2, sizeof *unwrapped);
    if (!unwrapped)
        return NULL;
    unwrapped[0] = strdup(name);
    unwrapped[1] = strdup(path);
    for (size_t i = 1; i < count; i++)
        unwrapped[i + 1] = argv[i];
    return unwrapped[0] && unwrapped[1] ? unwrapped : NULL;
}

/*
 * Goes from the script program->judged to what will interpret it. False: that cannot be said, or
 * isn't there. `is_direct`: the script is what we execute ourselves, so that env may be unwrapped.
 */
static bool follow_script(struct hak_program *program, struct script *script, bool is_direct) {
    bool is_env = strcmp(base_name(script->interpreter), "env") == 0;
    bool is_simple = !strpbrk(script->argument, BLANKS "=") && *script->argument != '-';
    const char *next = is_env ? env_program(script) : script->interpreter;
    if (!next || hak_program_find(next, program->judged) != 0)
        return false;
    program->is_interpreted = true;
    if (!is_direct || !is_env || !is_simple)
        return true;
    char **unwrapped = unwrapped_arguments(next, program->path, program->arguments);
    if (!unwrapped)
        return false;
    program->arguments = unwrapped;
    strcpy(program->path, program->judged);
    return true;
}

/* ---- obstacles ---- */

/* Will the kernel give the program other rights than ours? Then ld.so ignores the environment. */
static const char *privilege_obstacle(int fd) {
    struct stat status;
    struct statvfs mount;
    if (fstat(fd, &status) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
        (fstatvfs(fd, &mount) == 0 && (mount.f_flag & ST_NOSUID)))
        return NULL;
    if ((status.st_mode & S_ISUID) && status.st_uid != geteuid())
        return "is setuid";
    if ((status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) && status.st_gid != getegid())
        return "is setgid";
    if (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
        return "has file capabilities";
    return NULL;
}

/* The dynamic linker that runs this tool runs the library's libc, too; another one can't. */
static bool has_other_libc(const struct hak_elf_facts *facts) {
    struct hak_elf_facts own;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    hak_elf_read(fd, &own);
    close(fd);
    return own.interpreter[0] != '\0' && facts->interpreter[0] != '\0' &&
           strcmp(base_name(own.interpreter), base_name(facts->interpreter)) != 0;
}

static const char *elf_obstacle(struct hak_program *program, const struct hak_elf_facts *facts) {
    if (!facts->is_64_bit)
        return "is a 32-bit program";
    if (!facts->is_for_this_machine)
        return "is a program for another machine";
    if (facts->is_static)
        return "is statically linked";
    if (facts->defines_malloc)
        return "defines its own malloc";
    if (facts->has_sanitizer)
        return "is built with a sanitizer, which has its own malloc";
    if (!has_other_libc(facts))
        return NULL;
    snprintf(program->obstacle_text, sizeof program->obstacle_text,
             "uses another C library (%.100s)", base_name(facts->interpreter));
    return program->obstacle_text;
}

static void judge(struct hak_program *program, bool unwrap_env) {
    bool is_direct = unwrap_env;
    for (int level = 0; level <= SCRIPT_LEVELS; level++) {
        struct script script;
        struct hak_elf_facts facts;
        int fd = open(program->judged, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            return;
        bool is_script = read_script(fd, &script);
        hak_elf_read(fd, &facts);
        if (level == 0)
            program->is_binary = facts.is_elf;
        if (facts.is_elf) {
            program->obstacle = privilege_obstacle(fd);
            if (!program->obstacle)
                program->obstacle = elf_obstacle(program, &facts);
        }
        close(fd);
        if (!is_script || !follow_script(program, &script, is_direct))
            return;
        is_direct = is_direct && strcmp(program->path, program->judged) == 0;
    }
}

int hak_program_judge(struct hak_program *program, char **argv, bool unwrap_env) {
    int error = hak_program_find(argv[0], program->path);
    if (error != 0)
        return error;
    program->arguments = argv;
    program->obstacle = NULL;
    strcpy(program->judged, program->path);
    judge(program, unwrap_env);
    return 0;
}

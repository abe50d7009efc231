/* SPDX-License-Identifier: MIT */
/*
 * Owns `hakmem-run [OPTION]... PROGRAM [ARGUMENT]...`: checks the knobs, judges the program, puts
 * the library in front of LD_PRELOAD, and becomes the program; or runs it again and again, to
 * measure it; or as a child, to profile it. Never links the library. Exit statuses as env(1)'s: the
 * program's, or one of those below.
 * Order: knobs are checked first, so that a wrong one never starts a program.
 */
#define _GNU_SOURCE
#include "common/complain.h"
#include "common/output.h"
#include "compare/compare.h"
#include "compare/tune.h"
#include "conf/conf.h"
#include "run/deny.h"
#include "run/knob_check.h"
#include "run/knob_list.h"
#include "run/library.h"
#include "run/program.h"
#include "run/run_options.h"
#include "run/run_profile.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

enum {
    STATUS_SOME_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_FAILED = 125,
    STATUS_CANNOT_RUN = 126,
    STATUS_NOT_FOUND = 127
};

const char hak_tool_name[] = "hakmem-run";

#define MARKER "HAKMEM_NO_INHERIT"

/* The complaint begins with the variable; who gave an option is told of that. */
static void complain_of_knob(const struct hak_run_options *options, const char *complaint) {
    for (unsigned i = 0; i < options->setting_count; i++) {
        size_t length = strcspn(options->settings[i], "=");
        if (strncmp(complaint, options->settings[i], length) == 0 &&
            strchr(":=", complaint[length])) {
            hak_complain("%s%s", options->typed[i], complaint + length);
            return;
        }
    }
    hak_complain("%s", complaint);
}

/* The settings first: of a variable that occurs twice, conf.c takes the first. */
static bool knobs_are_valid(const struct hak_run_options *options) {
    size_t count = options->setting_count;
    for (char **entry = environ; *entry; entry++)
        count++;
    const char **block = calloc(count + 1, sizeof *block), **next = block;
    if (!block) {
        hak_complain("out of memory");
        exit(STATUS_FAILED);
    }
    for (unsigned i = 0; i < options->setting_count; i++)
        *next++ = options->settings[i];
    for (char **entry = environ; *entry; entry++)
        *next++ = *entry;
    hak_conf_read(block, false);
    free(block);
    for (unsigned i = 0; hak_conf_complaint(i); i++)
        complain_of_knob(options, hak_conf_complaint(i));
    return hak_conf_error_count() == 0;
}

/* What the library's constructor takes back: see lib/api/preload.h. */
static char *make_marker(const struct hak_run_options *options, const char *old_preload) {
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    for (unsigned i = 0; i < options->setting_count; i++) {
        const char *name = options->settings[i] + strlen("HAKMEM_");
        fprintf(out, "%s%.*s", i ? "," : "", (int)strcspn(name, "="), name);
    }
    if (old_preload)
        fprintf(out, "=%s", old_preload);
    return fclose(out) == 0 ? text : NULL;
}

/* `library` in front of what is there already; once is enough. */
static int set_preload(const char *library, const char *old_preload) {
    size_t length = strlen(library);
    char *joined;
    if (!old_preload || *old_preload == '\0')
        return setenv("LD_PRELOAD", library, 1);
    if (strncmp(old_preload, library, length) == 0 && strchr(": ", old_preload[length]))
        return 0;
    if (asprintf(&joined, "%s:%s", library, old_preload) < 0)
        return -1;
    return setenv("LD_PRELOAD", joined, 1);
}

static int set_environment(const struct hak_run_options *options, const char *library) {
    const char *preload = getenv("LD_PRELOAD");
    char *old_preload = preload ? strdup(preload) : NULL;
    if ((preload && !old_preload) || set_preload(library, old_preload) != 0)
        return -1;
    for (unsigned i = 0; i < options->setting_count; i++) {
        if (putenv(options->settings[i]) != 0)
            return -1;
    }
    if (options->is_no_inherit) {
        char *marker = make_marker(options, old_preload);
        return marker ? setenv(MARKER, marker, 1) : -1;
    }
    return 0;
}

/* The path has a slash, so that execvpe doesn't search: it runs a file without `#!` by a shell. */
static int become(const struct hak_program *program, const char *name) {
    if (program->is_binary)
        execve(program->path, program->arguments, environ);
    else
        execvpe(program->path, program->arguments, environ);
    int error = errno;
    if (error == ENOENT)
        hak_complain("%s: its interpreter was not found", name);
    else
        hak_complain("%s: %s", name, strerror(error));
    return error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}

/* So that whoever waits for us sees what ended us. */
static _Noreturn void end_by_signal(int number) {
    sigset_t none;
    sigemptyset(&none);
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_SETMASK, &none, NULL);
    exit(128 + number);
}

static int measure(const struct hak_run_options *options, const struct hak_program *program,
                   const char *library) {
    int error, number;
    enum hak_outcome outcome = options->mode == HAK_MODE_TUNE
                                   ? hak_tune(options, program, library, &error, &number)
                                   : hak_compare(options, program, library, &error, &number);
    if (outcome != HAK_CANNOT)
        return hak_output_finish() != 0  ? STATUS_FAILED
               : outcome == HAK_ALL_WELL ? 0
                                         : STATUS_SOME_FAILED;
    if (error == EINTR)
        end_by_signal(number);
    if (error)
        hak_complain("%s: %s", options->program[0], strerror(error));
    return error == ENOENT                       ? STATUS_NOT_FOUND
           : error == EACCES || error == ENOEXEC ? STATUS_CANNOT_RUN
                                                 : STATUS_FAILED;
}

static int run(const struct hak_run_options *options) {
    bool measures = options->mode != HAK_MODE_RUN;
    static struct hak_program program;
    char library[PATH_MAX];
    const char *name = options->program[0];
    int error = hak_program_judge(&program, options->program, options->is_no_inherit);
    if (error != 0) {
        hak_complain("%s: %s", name, strerror(error));
        return error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
    }
    unsetenv(MARKER);
    if (!program.obstacle)
        hak_deny(&program, !options->is_no_inherit);
    if (program.obstacle) {
        hak_complain("%s %s: %s", program.is_interpreted ? program.judged : name, program.obstacle,
                     measures ? "nothing to measure" : "running it without libhakmem");
        return measures ? STATUS_CANNOT_RUN : become(&program, name);
    }
    if (hak_library_find(library) != 0)
        return STATUS_FAILED;
    if (measures)
        return measure(options, &program, library);
    if (set_environment(options, library) != 0) {
        hak_complain("%s", strerror(errno));
        return STATUS_FAILED;
    }
    if ((options->profile || options->is_leaks) && hak_run_profile(options) != 0)
        return STATUS_FAILED;
    return become(&program, name);
}

int main(int argc, char **argv) {
    static struct hak_run_options options;
    if (getauxval(AT_SECURE)) {
        hak_complain("must not be installed setuid, setgid or with capabilities");
        return STATUS_FAILED;
    }
    switch (hak_run_options_read(&options, argc, argv)) {
    case HAK_DONE:
        return 0;
    case HAK_WRONG_USAGE:
        return STATUS_USAGE;
    case HAK_FAILED:
        return STATUS_FAILED;
    case HAK_RUN:
        break;
    }
    bool is_valid = knobs_are_valid(&options);
    if (options.mode == HAK_MODE_LIST_KNOBS) {
        hak_knob_list(&options);
        return hak_output_finish() != 0 ? STATUS_FAILED : is_valid ? 0 : STATUS_USAGE;
    }
    if (is_valid)
        hak_knob_check();
    return is_valid ? run(&options) : STATUS_USAGE;
}

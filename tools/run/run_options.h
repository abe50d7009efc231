/* SPDX-License-Identifier: MIT */
/*
 * Owns hakmem-run's command line: the tables run_options.def and knobs.def become getopt's table
 * and --help. Used once, by one thread.
 */
#ifndef HAK_TOOLS_RUN_RUN_OPTIONS_H
#define HAK_TOOLS_RUN_RUN_OPTIONS_H

#include <stdbool.h>

#define HAK_SETTINGS_MAX 64u

#define HAK_WITH_MAX 16u

enum hak_run_mode { HAK_MODE_RUN, HAK_MODE_COMPARE, HAK_MODE_TUNE, HAK_MODE_LIST_KNOBS };

struct hak_run_options {
    enum hak_run_mode mode;
    bool is_no_inherit;
    bool is_json;
    bool shows_output;
    unsigned runs; /* 0: not given */
    unsigned with_count;
    const char *with[HAK_WITH_MAX];
    bool is_leaks;
    const char *profile; /* the file; NULL: none */
    unsigned setting_count;
    char *settings[HAK_SETTINGS_MAX]; /* HAKMEM_NAME=VALUE, each name once; ours */
    char *typed[HAK_SETTINGS_MAX];    /* how its name was given: --name, or --set name; ours */
    const char *mode_typed;           /* the option that set the mode; ours */
    char **program;                   /* PROGRAM and its arguments, ended by NULL */
};

/* HAK_RUN: go on. HAK_DONE: --help and the like were served. Otherwise a complaint was made. */
enum hak_run_answer { HAK_RUN, HAK_DONE, HAK_WRONG_USAGE, HAK_FAILED };

enum hak_run_answer hak_run_options_read(struct hak_run_options *options, int argc, char **argv);

#endif

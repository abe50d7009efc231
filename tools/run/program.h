/* SPDX-License-Identifier: MIT */
/*
 * Owns the search for the program to run, as execvp does it, and the judgement whether a library
 * can be preloaded into it. A script is judged by its interpreter. Used once, by one thread.
 */
#ifndef HAK_TOOLS_RUN_PROGRAM_H
#define HAK_TOOLS_RUN_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

struct hak_program {
    char path[PATH_MAX];     /* what to execute */
    char **arguments;        /* its argv */
    bool is_interpreted;     /* judged is another file than the one that was named */
    bool is_binary;          /* never to be taken for a shell script */
    char judged[PATH_MAX];   /* the file that was judged: path, or its interpreter */
    const char *obstacle;    /* why nothing can be preloaded, or NULL */
    char obstacle_text[160]; /* the obstacle's own memory, where it needs some */
};

/* Finds `name` through PATH, or as it is if it has a slash. 0, or an errno value. */
int hak_program_find(const char *name, char path[PATH_MAX]);

/*
 * Fills in all of `program` for argv, which ends with NULL. With `unwrap_env`, a script that begins
 * `#!/usr/bin/env NAME` is executed through NAME at once. 0, or an errno value: no such program.
 */
int hak_program_judge(struct hak_program *program, char **argv, bool unwrap_env);

#endif

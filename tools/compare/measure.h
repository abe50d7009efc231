/* SPDX-License-Identifier: MIT */
/*
 * Owns one measured run of a program: its start, its output, the signals that come meanwhile, and
 * what it leaves running. One run at a time; used by one thread.
 * Invariant: when hak_measure_run returns, no process of that run exists any more.
 */
#ifndef HAK_TOOLS_COMPARE_MEASURE_H
#define HAK_TOOLS_COMPARE_MEASURE_H

#include "run/program.h"

#include <stdint.h>
#include <sys/types.h>

struct hak_measure {
    const struct hak_program *program;
    bool shows_output; /* on standard error; else it is read and dropped */
    int input;         /* a file that each run reads from `input_start`; -1: nothing to read */
    off_t input_start;
    int signals; /* where signals are read; ours */
    int stopped; /* the signal that ended the measuring, or 0 */
};

struct hak_measured {
    uint64_t wall_ns;
    uint64_t cpu_ns;     /* of the program and the children that it waited for */
    uint64_t peak_bytes; /* resident, of the largest of them */
    uint64_t faults;     /* page faults of them all */
    pid_t pid;
    int status; /* as waitpid(2) has it */
};

/* Prepares for runs of `program`; reads standard input if it can be read but once. 0, or an errno
 * value. From here on signals that would end us wait for hak_measure_run. */
int hak_measure_begin(struct hak_measure *measure, const struct hak_program *program);

/*
 * Runs it; `prepare` sets the environment, in the child. 0 and *ret_measured set; an errno value:
 * it can't be run, or EINTR: a signal came, which is in measure->stopped and was passed on.
 */
int hak_measure_run(struct hak_measure *measure, void (*prepare)(const void *context),
                    const void *context, struct hak_measured *ret_measured);

#endif

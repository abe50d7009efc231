/* SPDX-License-Identifier: MIT */
/*
 * Owns --compare: which allocators are there, their rounds, and what is said of them. Used once, by
 * one thread.
 */
#ifndef HAK_TOOLS_COMPARE_COMPARE_H
#define HAK_TOOLS_COMPARE_COMPARE_H

#include "run/program.h"
#include "run/run_options.h"

#define HAK_COMPARE_SCHEMA "hakmem-compare-1"
#define HAK_RUNS_DEFAULT 10u

/* What a measuring command comes to; EINTR: a signal stopped it, which is in *ret_signal. */
enum hak_outcome { HAK_ALL_WELL, HAK_SOME_FAILED, HAK_CANNOT };

/* `library` is what goes into LD_PRELOAD for libhakmem. *ret_error: 0, or an errno value of
 * HAK_CANNOT; EINTR: *ret_signal stopped it. */
enum hak_outcome hak_compare(const struct hak_run_options *options,
                             const struct hak_program *program, const char *library, int *ret_error,
                             int *ret_signal);

#endif

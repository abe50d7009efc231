/* SPDX-License-Identifier: MIT */
/*
 * Owns --tune: which settings are tried, in two stages, and what is said of them. Used once, by one
 * thread.
 */
#ifndef HAK_TOOLS_COMPARE_TUNE_H
#define HAK_TOOLS_COMPARE_TUNE_H

#include "compare/compare.h"

#define HAK_TUNE_SCHEMA "hakmem-tune-1"

/* As hak_compare. */
enum hak_outcome hak_tune(const struct hak_run_options *options, const struct hak_program *program,
                          const char *library, int *ret_error, int *ret_signal);

#endif

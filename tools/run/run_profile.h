/* SPDX-License-Identifier: MIT */
/*
 * Owns `hakmem-run --profile` and `--leaks`: PROGRAM becomes a child, and this process becomes
 * hakmem-stat, which reads the child's samples, waits for it and ends as it did.
 */
#ifndef HAK_TOOLS_RUN_RUN_PROFILE_H
#define HAK_TOOLS_RUN_RUN_PROFILE_H

#include "run/run_options.h"

/* Returns 0 in the child, whose environment asks for the profile. Else a complaint was made. */
int hak_run_profile(const struct hak_run_options *options);

#endif

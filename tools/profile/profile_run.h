/* SPDX-License-Identifier: MIT */
/*
 * `hakmem-stat --profile`, or the words that it was not built. Called once.
 */
#ifndef HAK_TOOLS_PROFILE_PROFILE_RUN_H
#define HAK_TOOLS_PROFILE_PROFILE_RUN_H

#include "stat/stat_options.h"

/* Returns the exit status. */
int hak_profile_run(const struct hak_stat_options *options);

#endif

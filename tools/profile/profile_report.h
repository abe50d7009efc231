/* SPDX-License-Identifier: MIT */
/*
 * The end of a profile. Called once, by profile_run.c.
 */
#ifndef HAK_TOOLS_PROFILE_PROFILE_REPORT_H
#define HAK_TOOLS_PROFILE_PROFILE_REPORT_H

#include "profile/profile.h"
#include "stat/stat_options.h"

/* Writes a finished profile as the options say; the exit status. */
int hak_profile_report(const struct hak_profile *profile, const struct hak_stat_options *options);

#endif

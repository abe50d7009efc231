/* SPDX-License-Identifier: MIT */
/*
 * Stands in for --profile where the tools were built without elfutils' libdw.
 */
#include "common/complain.h"
#include "profile/profile_run.h"

int hak_profile_run(const struct hak_stat_options *options) {
    (void)options;
    hak_complain("--profile: this hakmem-stat was built without libdw and zlib");
    return 1;
}

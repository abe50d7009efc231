/* SPDX-License-Identifier: MIT */
/*
 * Stands in for --diff where the tools were built without json-c.
 */
#include "common/complain.h"
#include "stat/show.h"

int hak_show_diff(FILE *out, const char *before_path, const char *after_path) {
    (void)out, (void)before_path, (void)after_path;
    hak_complain("--diff: this hakmem-stat was built without json-c");
    return HAK_EXIT_FAILED;
}

#!/bin/sh
# SPDX-License-Identifier: MIT
# The statistics of --compare and --tune: medians and intervals of known values, and that an
# interval misses as rarely as it says, for values of a very lopsided distribution.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
compile sample -std=gnu17 -I"$top_srcdir/tools" "$top_srcdir/tools/compare/sample.c" <<'END'
#include "compare/sample.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#define CHECK(what) ((what) ? (void)0 : (printf("line %d: %s\n", __LINE__, #what), exit(1)))
static uint64_t state = 88172645463325252u;
static double next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}
/* How often the interval of `count` values of a distribution with the median 1 misses it. */
static double misses(unsigned count, double rate) {
    double values[64];
    unsigned missed = 0, rounds = 40000;
    for (unsigned i = 0; i < rounds; i++) {
        for (unsigned k = 0; k < count; k++) {
            double x = next();
            values[k] = x < 0.5 ? 0.5 + x : 1 + (x - 0.5) * (x - 0.5) * (x - 0.5) * 1000;
        }
        struct hak_interval found = hak_sample_interval(values, count, rate);
        CHECK(found.is_known);
        missed += found.low > 1 || found.high < 1;
    }
    return (double)missed / rounds;
}
int main(void) {
    double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, ten[10], one[] = {7};
    CHECK(hak_sample_median(odd, 3) == 3 && hak_sample_median(even, 4) == 2.5);
    CHECK(hak_sample_median(one, 1) == 7);
    CHECK(hak_sample_spread(odd, 3) == 1 && hak_sample_spread(one, 1) == 0);
    for (int i = 0; i < 10; i++)
        ten[i] = 10 - i;
    /* 2 * 11 / 1024 is below 5 %, and 2 * 56 / 1024 isn't: the second and the ninth. */
    struct hak_interval found = hak_sample_interval(ten, 10, 0.05);
    CHECK(found.is_known && found.low == 2 && found.high == 9 && found.median == 5.5);
    found = hak_sample_interval(ten, 10, 0.002);
    CHECK(found.is_known && found.low == 1 && found.high == 10);
    CHECK(!hak_sample_interval(ten, 10, 0.0019).is_known);
    CHECK(!hak_sample_interval(ten, 5, 0.05).is_known);
    CHECK(!hak_sample_interval(one, 1, 0.05).is_known);
    CHECK(hak_sample_least(0.05) == 6 && hak_sample_least(0.002) == 10);
    CHECK(misses(6, 0.05) < 0.035 && misses(6, 0.05) > 0.025);   /* 2 / 64 */
    CHECK(misses(10, 0.05) < 0.026 && misses(10, 0.05) > 0.017); /* 22 / 1024 */
    CHECK(misses(30, 0.05) < 0.05 && misses(30, 0.05) > 0.03);   /* the tenth: 4.3 % */
    double many[1000];
    for (int i = 0; i < 1000; i++)
        many[i] = i;
    found = hak_sample_interval(many, 1000, 0.05);
    CHECK(found.is_known && found.low > 460 && found.low < 475 && found.high < 540);
    return 0;
}
END
./sample || complain 'sample'
exit "$status"

/* SPDX-License-Identifier: MIT */
/*
 * Owns median, quartiles and the interval of the sign test. Pure but for the order of the values.
 */
#include "compare/sample.h"

#include <stdlib.h>

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* The value at a part of the way through sorted values. */
static double at(const double *values, unsigned count, double part) {
    double place = part * (double)(count - 1);
    unsigned below = (unsigned)place;
    double rest = place - (double)below;
    return below + 1 < count ? values[below] * (1 - rest) + values[below + 1] * rest
                             : values[below];
}

double hak_sample_median(double *values, unsigned count) {
    qsort(values, count, sizeof *values, compare);
    return count ? at(values, count, 0.5) : 0;
}

double hak_sample_spread(double *values, unsigned count) {
    qsort(values, count, sizeof *values, compare);
    return count ? (at(values, count, 0.75) - at(values, count, 0.25)) / 2 : 0;
}

/* How often fewer than `least` of `count` values are below the median: each is so every other time.
 */
static double chance_of_fewer(unsigned least, unsigned count) {
    double term = 1, sum = 0;
    for (unsigned i = 0; i < count; i++)
        term /= 2;
    for (unsigned i = 0; i < least; i++) {
        sum += term;
        term = term * (double)(count - i) / (double)(i + 1);
    }
    return sum;
}

struct hak_interval hak_sample_interval(double *values, unsigned count, double error_rate) {
    struct hak_interval interval = {.median = hak_sample_median(values, count)};
    unsigned k = 0;
    while (2 * (k + 1) <= count && 2 * chance_of_fewer(k + 1, count) <= error_rate)
        k++;
    interval.is_known = k > 0;
    if (interval.is_known) {
        interval.low = values[k - 1];
        interval.high = values[count - k];
    }
    return interval;
}

unsigned hak_sample_least(double error_rate) {
    unsigned count = 2;
    while (2 * chance_of_fewer(1, count) > error_rate)
        count++;
    return count;
}

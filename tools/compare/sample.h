/* SPDX-License-Identifier: MIT */
/*
 * Owns the statistics of the measuring tools. No distribution is assumed. Stateless.
 */
#ifndef HAK_TOOLS_COMPARE_SAMPLE_H
#define HAK_TOOLS_COMPARE_SAMPLE_H

#include <stdbool.h>

/* What is wrong so often is still claimed: 5 %. */
#define HAK_ERROR_RATE 0.05

/* Where the median of all runs lies, also of those that were not made. */
struct hak_interval {
    double median;    /* of these runs */
    double low, high; /* the interval, if is_known */
    bool is_known;    /* there are values enough for the error rate */
};

/* Sorts the values. */
double hak_sample_median(double *values, unsigned count);

/* Half the distance between the quartiles; sorts the values. */
double hak_sample_spread(double *values, unsigned count);

/*
 * The interval between the k-th smallest and the k-th largest value, for the largest k at which the
 * median lies outside at most so often as `error_rate` says. That holds for values of any
 * distribution, if they are independent. Sorts the values.
 */
struct hak_interval hak_sample_interval(double *values, unsigned count, double error_rate);

/* The fewest values for which hak_sample_interval knows an interval. */
unsigned hak_sample_least(double error_rate);

#endif

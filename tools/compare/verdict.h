/* SPDX-License-Identifier: MIT */
/*
 * Owns the words for what was measured: quantities with units, changes with their spread. A change
 * is named only if its whole interval lies on one side. Stateless.
 */
#ifndef HAK_TOOLS_COMPARE_VERDICT_H
#define HAK_TOOLS_COMPARE_VERDICT_H

#include "compare/rounds.h"

#include <stdio.h>

#define HAK_CELL_COLUMNS 17

/* One quantity with its unit, as 12.3 ms; in one of a few static buffers. */
const char *hak_verdict_quantity(double value, enum hak_quantity quantity);

/* Median and spread of a contender, HAK_CELL_COLUMNS wide. */
void hak_verdict_put_cell(FILE *out, const struct hak_contender *contender,
                          enum hak_quantity quantity);

/* -1: the contender has less of it, 1: more, 0: that can't be said. */
int hak_verdict_change(const struct hak_interval *interval);

/* `7.2 % +- 1.0 faster`, or that there is no difference that so many runs could show. `whom` is
 * what it is compared with, as `than glibc`; may be empty. */
void hak_verdict_put_change(FILE *out, const struct hak_interval *interval,
                            enum hak_quantity quantity, const char *whom, unsigned runs);

/* `exit status 1`, `killed by SIGSEGV`. */
void hak_verdict_put_ending(FILE *out, int status);

/* The numbers of a contender for JSON: medians, runs, and ratios to the base. */
void hak_verdict_put_numbers(FILE *out, const struct hak_contender *contender,
                             const struct hak_contender *base, double error_rate);

#endif

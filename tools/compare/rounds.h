/* SPDX-License-Identifier: MIT */
/*
 * Owns the measuring of several contenders against each other: in each round all of them run one
 * after another, beginning with another one each time, so that what changes on the machine meets
 * all alike. A round that doesn't count comes first: it warms caches and proves the preloads.
 * Used by one thread.
 */
#ifndef HAK_TOOLS_COMPARE_ROUNDS_H
#define HAK_TOOLS_COMPARE_ROUNDS_H

#include "compare/binding.h"
#include "compare/measure.h"
#include "compare/sample.h"

#define HAK_CONTENDER_SETTINGS 64u

enum hak_quantity { HAK_WALL, HAK_CPU, HAK_PEAK, HAK_FAULTS, HAK_QUANTITIES };

/* Why a contender is not judged. */
enum hak_flaw {
    HAK_FLAW_NONE,
    HAK_FLAW_PRELOAD, /* its malloc was not used */
    HAK_FLAW_STATUS   /* a run of it ended in another way than the first run of the first one */
};

struct hak_contender {
    const char *name;
    const char *preload;                        /* its entry in LD_PRELOAD; empty: none */
    char *settings[HAK_CONTENDER_SETTINGS + 1]; /* NAME=VALUE, ended by NULL */
    struct hak_binding binding;                 /* of the first round */
    enum hak_flaw flaw;
    bool is_out;    /* since the first round */
    int odd_status; /* as waitpid has it, of HAK_FLAW_STATUS */
    unsigned odd_runs;
    unsigned run_count;
    struct hak_measured *runs;
};

struct hak_rounds {
    struct hak_measure *measure;
    struct hak_contender *contenders; /* the first is what the others are compared with */
    unsigned count;
    unsigned wanted; /* rounds that count */
    bool needs_proof;
    int status;           /* of the first contender's first run: how the program ends */
    unsigned failed_runs; /* that ended with another status than 0 */
};

/* 0; EINTR: stopped by a signal; or another errno value: it can't be run. */
int hak_rounds_run(struct hak_rounds *rounds);
void hak_rounds_free(struct hak_rounds *rounds);

double hak_rounds_quantity(const struct hak_measured *measured, enum hak_quantity quantity);

/* Median, and half the distance of the quartiles, of a contender's runs. */
double hak_rounds_median(const struct hak_contender *contender, enum hak_quantity quantity);
double hak_rounds_spread(const struct hak_contender *contender, enum hak_quantity quantity);

/* The quantity in relation to the base's, round by round. */
struct hak_interval hak_rounds_ratio(const struct hak_contender *contender,
                                     const struct hak_contender *base, enum hak_quantity quantity,
                                     double error_rate);

#endif

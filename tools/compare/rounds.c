/* SPDX-License-Identifier: MIT */
/*
 * Owns the order of the runs and their environment. LD_PRELOAD keeps the user's other entries; a
 * libhakmem that is among them is taken out, or every contender would have it.
 */
#define _GNU_SOURCE
#include "compare/rounds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PRELOAD_SEPARATORS ": "
#define LIBC "libc.so.6"

struct start {
    const struct hak_contender *contender;
    bool is_asked; /* the dynamic linker is to say whose malloc is used */
};

/* ---- in the child ---- */

static void append(char **text, const char *part, size_t length) {
    char *joined;
    if (length == 0)
        return;
    if (asprintf(&joined, "%s%s%.*s", *text, **text ? ":" : "", (int)length, part) < 0)
        _exit(125);
    *text = joined; /* exec gives it all back */
}

static bool is_ours(const char *entry, size_t length) {
    const char *name = memmem(entry, length, "libhakmem.so", strlen("libhakmem.so"));
    return name && (name == entry || name[-1] == '/');
}

static void set_preload(const char *preload) {
    char empty[] = "", *text = empty;
    const char *at = getenv("LD_PRELOAD");
    append(&text, preload, strlen(preload));
    while (at && *at) {
        size_t length = strcspn(at, PRELOAD_SEPARATORS);
        if (!is_ours(at, length))
            append(&text, at, length);
        at += length + (at[length] != '\0');
    }
    if (*text)
        setenv("LD_PRELOAD", text, 1);
    else
        unsetenv("LD_PRELOAD");
}

static void prepare(const void *context) {
    const struct start *start = context;
    const struct hak_contender *contender = start->contender;
    set_preload(contender->preload);
    for (char *const *setting = contender->settings; *setting; setting++)
        putenv(*setting);
    if (start->is_asked)
        hak_binding_ask();
}

/* ---- progress ---- */

static void show_progress(const struct hak_rounds *rounds, unsigned round, unsigned which) {
    static bool is_shown;
    if (!isatty(STDERR_FILENO) || rounds->measure->shows_output)
        return;
    if (which < rounds->count && round == 0)
        fprintf(stderr, "\r\033[Kwarming up: %.50s", rounds->contenders[which].name);
    else if (which < rounds->count)
        fprintf(stderr, "\r\033[Kround %u of %u: %.50s", round, rounds->wanted,
                rounds->contenders[which].name);
    else if (is_shown)
        fputs("\r\033[K", stderr);
    is_shown = which < rounds->count;
    fflush(stderr);
}

/* ---- rounds ---- */

/* A run counts as a failure if it doesn't end as the program ends without any of this. */
static void judge(struct hak_rounds *rounds, struct hak_contender *contender,
                  const struct hak_measured *measured) {
    if (measured->status != 0)
        rounds->failed_runs++;
    if (measured->status == rounds->status)
        return;
    if (contender->flaw == HAK_FLAW_NONE || !contender->odd_runs)
        contender->odd_status = measured->status;
    contender->flaw = HAK_FLAW_STATUS;
    contender->odd_runs++;
}

static int run_one(struct hak_rounds *rounds, unsigned which, unsigned round) {
    struct hak_contender *contender = &rounds->contenders[which];
    const struct start start = {contender, round == 0 && rounds->needs_proof};
    struct hak_measured measured;
    show_progress(rounds, round, which);
    int error = hak_measure_run(rounds->measure, prepare, &start, &measured);
    if (error)
        return error;
    if (round == 0 && which == 0)
        rounds->status = measured.status;
    judge(rounds, contender, &measured);
    if (round > 0) {
        contender->runs[contender->run_count++] = measured;
        return 0;
    }
    if (start.is_asked) {
        hak_binding_read(measured.pid, *contender->preload ? contender->preload : LIBC,
                         &contender->binding);
        if (contender->flaw == HAK_FLAW_NONE && contender->binding.proof != HAK_PROOF_WHOLE &&
            contender->binding.proof != HAK_PROOF_PARTLY)
            contender->flaw = HAK_FLAW_PRELOAD;
    }
    return 0;
}

/* What failed in the first round isn't measured further; the base always is. */
static int run_round(struct hak_rounds *rounds, unsigned round) {
    int error = 0;
    for (unsigned i = 0; i < rounds->count && !error; i++) {
        unsigned which = (i + round) % rounds->count;
        if (which == 0 || !rounds->contenders[which].is_out)
            error = run_one(rounds, which, round);
    }
    for (unsigned i = 0; i < rounds->count && round == 0; i++)
        rounds->contenders[i].is_out = rounds->contenders[i].flaw != HAK_FLAW_NONE;
    return error;
}

int hak_rounds_run(struct hak_rounds *rounds) {
    int error = rounds->needs_proof ? hak_binding_begin() : 0;
    for (unsigned i = 0; i < rounds->count && !error; i++) {
        rounds->contenders[i].runs = calloc(rounds->wanted, sizeof(struct hak_measured));
        if (!rounds->contenders[i].runs)
            error = ENOMEM;
    }
    for (unsigned round = 0; round <= rounds->wanted && !error; round++) {
        error = run_round(rounds, round);
        hak_binding_end();
    }
    hak_binding_end();
    show_progress(rounds, 0, rounds->count);
    return error;
}

void hak_rounds_free(struct hak_rounds *rounds) {
    for (unsigned i = 0; i < rounds->count; i++) {
        free(rounds->contenders[i].runs);
        rounds->contenders[i].runs = NULL;
    }
}

/* ---- what came of it ---- */

double hak_rounds_quantity(const struct hak_measured *measured, enum hak_quantity quantity) {
    const uint64_t values[HAK_QUANTITIES] = {measured->wall_ns, measured->cpu_ns,
                                             measured->peak_bytes, measured->faults};
    return (double)values[quantity];
}

static double with_values(const struct hak_contender *contender, enum hak_quantity quantity,
                          double (*function)(double *, unsigned)) {
    double *values = calloc(contender->run_count + 1, sizeof *values), result = 0;
    for (unsigned i = 0; values && i < contender->run_count; i++)
        values[i] = hak_rounds_quantity(&contender->runs[i], quantity);
    if (values)
        result = function(values, contender->run_count);
    free(values);
    return result;
}

double hak_rounds_median(const struct hak_contender *contender, enum hak_quantity quantity) {
    return with_values(contender, quantity, hak_sample_median);
}

double hak_rounds_spread(const struct hak_contender *contender, enum hak_quantity quantity) {
    return with_values(contender, quantity, hak_sample_spread);
}

struct hak_interval hak_rounds_ratio(const struct hak_contender *contender,
                                     const struct hak_contender *base, enum hak_quantity quantity,
                                     double error_rate) {
    struct hak_interval interval = {0};
    unsigned count =
        contender->run_count < base->run_count ? contender->run_count : base->run_count;
    double *ratios = calloc(count + 1, sizeof *ratios);
    for (unsigned i = 0; ratios && i < count; i++) {
        double ours = hak_rounds_quantity(&contender->runs[i], quantity);
        double theirs = hak_rounds_quantity(&base->runs[i], quantity);
        ratios[i] = theirs > 0 ? ours / theirs : ours > 0 ? 2 : 1;
    }
    if (ratios)
        interval = hak_sample_interval(ratios, count, error_rate);
    free(ratios);
    return interval;
}

/* SPDX-License-Identifier: MIT */
/*
 * Owns rounding: a spread is rounded up, so that what is said is never surer than what was found.
 */
#define _GNU_SOURCE
#include "compare/verdict.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define TOO_SMALL 0.0005 /* a change that would be shown as 0.0 % */

static const char *const quantity_names[HAK_QUANTITIES] = {"wall_ns", "cpu_ns", "peak_bytes",
                                                           "page_faults"};

/* Three digits that mean something. */
static const char *digits(double value, const char *unit) {
    static char texts[8][32];
    static unsigned next;
    char *text = texts[next++ % 8];
    snprintf(text, sizeof texts[0], "%.*f%s%s",
             value < 9.995   ? 2
             : value < 99.95 ? 1
                             : 0,
             value, *unit ? " " : "", unit);
    return text;
}

const char *hak_verdict_quantity(double value, enum hak_quantity quantity) {
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    static char count[32];
    unsigned unit = 0;
    if (quantity == HAK_FAULTS) {
        snprintf(count, sizeof count, "%.0f", value);
        return count;
    }
    if (quantity != HAK_PEAK)
        return value < 999.5e6 ? digits(value / 1e6, "ms") : digits(value / 1e9, "s");
    for (value /= 1024; value >= 1023.5 && unit < 3; unit++)
        value /= 1024;
    return digits(value, units[unit]);
}

void hak_verdict_put_cell(FILE *out, const struct hak_contender *contender,
                          enum hak_quantity quantity) {
    double median = hak_rounds_median(contender, quantity);
    double spread = hak_rounds_spread(contender, quantity);
    double percent = median > 0 ? ceil(fmax(100 * spread / median - 1e-9, 0)) : 0;
    fprintf(out, "%9s ± %3.0f %%", hak_verdict_quantity(median, quantity),
            percent > 999 ? 999 : percent);
}

int hak_verdict_change(const struct hak_interval *interval) {
    if (!interval->is_known || (interval->low <= 1 && interval->high >= 1) ||
        fabs(interval->median - 1) < TOO_SMALL)
        return 0;
    return interval->high < 1 ? -1 : 1;
}

static double percent_of(double ratio) {
    return 100 * (ratio - 1);
}

void hak_verdict_put_change(FILE *out, const struct hak_interval *interval,
                            enum hak_quantity quantity, const char *whom, unsigned runs) {
    static const char *const words[HAK_QUANTITIES][3] = {
        {"faster", "slower", "time"},
        {"less CPU time", "more CPU time", "CPU time"},
        {"less memory", "more memory", "memory"},
        {"fewer page faults", "more page faults", "page faults"}};
    const char *const *word = words[quantity];
    int change = hak_verdict_change(interval);
    double percent = fabs(percent_of(interval->median));
    int places = percent < 9.95 ? 1 : 0;
    double step = places ? 0.1 : 1;
    if (!interval->is_known) {
        fprintf(out, "no claim about %s: too few runs", word[2]);
    } else if (change == 0 && interval->low == 1 && interval->high == 1) {
        fprintf(out, "the same %s", word[2]);
    } else if (change == 0) {
        fprintf(out, "no difference in %s that %u runs could show (%+.1f to %+.1f %%)", word[2],
                runs, percent_of(interval->low), percent_of(interval->high));
    } else {
        double spread =
            100 * fmax(interval->high - interval->median, interval->median - interval->low);
        spread = ceil(fmax(spread / step - 1e-9, 0)) * step;
        double ends[] = {fabs(percent_of(interval->low)), fabs(percent_of(interval->high))};
        if (spread < percent)
            fprintf(out, "%.*f %% ± %.*f ", places, percent, places, spread);
        else /* lopsided */
            fprintf(out, "%.*f %% (%.1f to %.1f) ", places, percent, fmin(ends[0], ends[1]),
                    fmax(ends[0], ends[1]));
        fprintf(out, "%s%s%s", word[change < 0 ? 0 : 1], *whom ? " " : "", whom);
    }
}

/* From a table of our own: sigabbrev_np is missing before glibc 2.32. */
static void put_signal(FILE *out, int number) {
    static const char *const names[] = {
        [SIGHUP] = "HUP",   [SIGINT] = "INT",   [SIGQUIT] = "QUIT", [SIGILL] = "ILL",
        [SIGTRAP] = "TRAP", [SIGABRT] = "ABRT", [SIGBUS] = "BUS",   [SIGFPE] = "FPE",
        [SIGKILL] = "KILL", [SIGUSR1] = "USR1", [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
        [SIGPIPE] = "PIPE", [SIGALRM] = "ALRM", [SIGTERM] = "TERM", [SIGSTKFLT] = "STKFLT",
        [SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ", [SIGPROF] = "PROF", [SIGVTALRM] = "VTALRM",
        [SIGPOLL] = "POLL", [SIGPWR] = "PWR",   [SIGSYS] = "SYS",
    };
    if (number < (int)(sizeof names / sizeof *names) && names[number])
        fprintf(out, "SIG%s", names[number]);
    else
        fprintf(out, "signal %d", number);
}

void hak_verdict_put_ending(FILE *out, int status) {
    if (WIFSIGNALED(status)) {
        fputs("killed by ", out);
        put_signal(out, WTERMSIG(status));
    } else {
        fprintf(out, "exit status %d", WEXITSTATUS(status));
    }
}

/* ---- for programs ---- */

static void put_runs(FILE *out, const struct hak_contender *contender) {
    fputs("\"runs\":[", out);
    for (unsigned i = 0; i < contender->run_count; i++) {
        const struct hak_measured *run = &contender->runs[i];
        fprintf(out, "%s{", i ? "," : "");
        for (unsigned q = 0; q < HAK_QUANTITIES; q++)
            fprintf(out, "\"%s\":%.0f,", quantity_names[q], hak_rounds_quantity(run, q));
        fprintf(out, "\"exit_status\":%d}",
                WIFSIGNALED(run->status) ? 128 + WTERMSIG(run->status) : WEXITSTATUS(run->status));
    }
    putc(']', out);
}

void hak_verdict_put_numbers(FILE *out, const struct hak_contender *contender,
                             const struct hak_contender *base, double error_rate) {
    fputs("\"median\":{", out);
    for (unsigned q = 0; q < HAK_QUANTITIES; q++)
        fprintf(out, "%s\"%s\":%.0f", q ? "," : "", quantity_names[q],
                hak_rounds_median(contender, q));
    fputs("},\"ratio\":", out);
    if (contender == base || contender->flaw)
        fputs("null", out);
    for (unsigned q = 0; q < HAK_QUANTITIES && contender != base && !contender->flaw; q++) {
        struct hak_interval interval = hak_rounds_ratio(contender, base, q, error_rate);
        fprintf(out, "%s\"%s\":{\"median\":%.6f,", q ? "," : "{", quantity_names[q],
                interval.median);
        if (interval.is_known)
            fprintf(out, "\"low\":%.6f,\"high\":%.6f,", interval.low, interval.high);
        else
            fputs("\"low\":null,\"high\":null,", out);
        fprintf(out, "\"differs\":%s}%s", hak_verdict_change(&interval) ? "true" : "false",
                q + 1 < HAK_QUANTITIES ? "" : "}");
    }
    putc(',', out);
    put_runs(out, contender);
}

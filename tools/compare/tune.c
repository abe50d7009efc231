/* SPDX-License-Identifier: MIT */
/*
 * Owns the two stages. In the first all settings of tune.def are tried against those that are in
 * force; because they are many, one must differ by more than one of them would by chance. Those
 * that seem to help are tried again, and only what the fresh runs show is claimed: the best of many
 * is always partly luck.
 * Invariant: contender 0 has the settings that are in force.
 */
#define _GNU_SOURCE
#include "compare/tune.h"

#include "common/complain.h"
#include "common/json.h"
#include "compare/verdict.h"
#include "conf/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a setting may help. */
static const enum hak_quantity judged[] = {HAK_WALL, HAK_CPU, HAK_PEAK};

enum { JUDGED = sizeof judged / sizeof judged[0] };

#define RUNS_DEFAULT 12u

static const struct row {
    const char *settings, *help;
} rows[] = {
#define HAK_TUNE(settings, help) {settings, help},
#include "compare/tune.def"
#undef HAK_TUNE
};

#define ROWS (sizeof rows / sizeof rows[0])

struct tuning {
    const struct hak_run_options *options;
    struct hak_rounds first, second;
    struct hak_contender tried[ROWS + 1], again[ROWS + 1];
    const struct row *row_of[ROWS + 1], *row_again[ROWS + 1];
    double first_rate, second_rate; /* of one interval */
};

/* ---- what is tried ---- */

/* HAKMEM_NAME=VALUE of name=value; `length` bytes. */
static char *make_setting(const char *text, size_t length) {
    char *setting;
    if (asprintf(&setting, "HAKMEM_%.*s", (int)length, text) < 0)
        return NULL;
    for (char *at = setting; *at && *at != '='; at++)
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    return setting;
}

/* Has the user said what this knob is to be? hak_conf_read has seen options and environment. */
static bool is_users(const char *text) {
    size_t length = strcspn(text, "=");
    for (unsigned i = 0; i < hak_knob_count; i++)
        if (strlen(hak_knobs[i].name) == length && strncmp(hak_knobs[i].name, text, length) == 0)
            return hak_conf_is_set(i);
    return true; /* no such knob */
}

static bool add_settings(struct hak_contender *contender, const char *text) {
    unsigned count = 0;
    while (contender->settings[count])
        count++;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (is_users(text) || count == HAK_CONTENDER_SETTINGS)
            return false;
        contender->settings[count] = make_setting(text, length);
        if (!contender->settings[count++])
            return false;
        text += length + (text[length] == ' ');
    }
    return true;
}

static void choose(struct tuning *tuning, const char *library) {
    const struct hak_run_options *options = tuning->options;
    struct hak_rounds *first = &tuning->first;
    first->contenders = tuning->tried;
    for (size_t i = 0; i <= ROWS; i++) {
        struct hak_contender *contender = &tuning->tried[first->count];
        memset(contender, 0, sizeof *contender);
        contender->name = i ? rows[i - 1].settings : "as it is";
        contender->preload = library;
        for (unsigned k = 0; k < options->setting_count; k++)
            contender->settings[k] = options->settings[k];
        tuning->row_of[first->count] = i ? &rows[i - 1] : NULL;
        if (i == 0 || add_settings(contender, rows[i - 1].settings))
            first->count++;
    }
    unsigned intervals = JUDGED * (first->count - 1);
    tuning->first_rate = HAK_ERROR_RATE / (double)(intervals ? intervals : 1);
}

/* ---- stages ---- */

static bool helps(const struct hak_contender *contender, const struct hak_contender *base,
                  double rate) {
    bool is_less = false;
    for (unsigned i = 0; i < JUDGED; i++) {
        struct hak_interval interval = hak_rounds_ratio(contender, base, judged[i], rate);
        is_less |= hak_verdict_change(&interval) < 0;
    }
    return is_less && !contender->flaw;
}

static void take_again(struct tuning *tuning, unsigned which) {
    struct hak_contender *again = &tuning->again[tuning->second.count];
    *again = tuning->tried[which];
    again->runs = NULL;
    again->run_count = again->odd_runs = 0;
    again->flaw = HAK_FLAW_NONE;
    again->is_out = false;
    tuning->row_again[tuning->second.count++] = tuning->row_of[which];
}

static int run_stages(struct tuning *tuning) {
    tuning->second = tuning->first;
    tuning->second.contenders = tuning->again;
    tuning->second.count = 0;
    tuning->second.needs_proof = false;
    int error = hak_rounds_run(&tuning->first);
    take_again(tuning, 0);
    for (unsigned i = 1; i < tuning->first.count && !error; i++)
        if (helps(&tuning->tried[i], &tuning->tried[0], tuning->first_rate))
            take_again(tuning, i);
    if (error || tuning->second.count == 1)
        return error;
    tuning->second_rate = HAK_ERROR_RATE / (double)(JUDGED * (tuning->second.count - 1));
    return hak_rounds_run(&tuning->second);
}

/* ---- text ---- */

static void print_table(const struct tuning *tuning) {
    printf("%-28s%9s%17s%17s\n", "SETTING", "TIME", "CPU", "PEAK MEMORY");
    for (unsigned i = 0; i < tuning->first.count; i++) {
        const struct hak_contender *contender = &tuning->tried[i];
        printf("%-28.28s", contender->name);
        if (contender->run_count) {
            for (unsigned k = 0; k < JUDGED; k++)
                hak_verdict_put_cell(stdout, contender, judged[k]);
        } else {
            fputs("  not measured: ", stdout);
            hak_verdict_put_ending(stdout, contender->odd_status);
        }
        putchar('\n');
    }
}

static void print_change(const struct tuning *tuning, unsigned which) {
    const struct hak_contender *contender = &tuning->again[which], *base = &tuning->again[0];
    printf("%s (%s)\n", contender->name, tuning->row_again[which]->help);
    for (unsigned i = 0; i < JUDGED; i++) {
        struct hak_interval interval =
            hak_rounds_ratio(contender, base, judged[i], tuning->second_rate);
        fputs("    ", stdout);
        hak_verdict_put_change(stdout, &interval, judged[i], "", tuning->second.wanted);
        putchar('\n');
    }
}

static unsigned print_helpers(const struct tuning *tuning) {
    unsigned count = 0;
    for (unsigned i = 1; i < tuning->second.count; i++) {
        if (!helps(&tuning->again[i], &tuning->again[0], tuning->second_rate))
            continue;
        if (count++ == 0)
            puts("What helped, by runs of its own after the choice:");
        print_change(tuning, i);
    }
    return count;
}

static void print_text(const struct tuning *tuning) {
    unsigned needed = hak_sample_least(tuning->first_rate);
    printf("%u runs with each of %u settings; median, and spread of the middle half\n\n",
           tuning->first.wanted, tuning->first.count);
    print_table(tuning);
    putchar('\n');
    if (tuning->first.wanted < needed)
        printf("%u runs are too few to claim anything of so many settings: %u are needed.\n",
               tuning->first.wanted, needed);
    else if (print_helpers(tuning) == 0)
        printf("No setting helped in a way that %u runs could show: leave the knobs alone.\n",
               tuning->first.wanted);
    else
        puts("Use it as hakmem-run --set NAME=VALUE, or as the variable HAKMEM_NAME.");
}

/* ---- JSON ---- */

static void put_stage(const char *name, const struct hak_rounds *rounds, double rate) {
    printf(",\"%s\":{\"error_rate\":%g,\"settings\":[", name, rate);
    for (unsigned i = 0; i < rounds->count; i++) {
        const struct hak_contender *contender = &rounds->contenders[i];
        fputs(i ? ",{\"setting\":" : "{\"setting\":", stdout);
        hak_json_text(stdout, i ? contender->name : "");
        printf(",\"failed\":%s,\"helps\":%s,", contender->flaw ? "true" : "false",
               i && helps(contender, &rounds->contenders[0], rate) ? "true" : "false");
        hak_verdict_put_numbers(stdout, contender, &rounds->contenders[0], rate);
        putchar('}');
    }
    fputs("]}", stdout);
}

static void print_json(const struct tuning *tuning) {
    fputs("{\"schema\":\"" HAK_TUNE_SCHEMA "\",\"version\":\"" HAK_VERSION "\",\"command\":[",
          stdout);
    for (char **word = tuning->options->program; *word; word++) {
        if (word != tuning->options->program)
            putchar(',');
        hak_json_text(stdout, *word);
    }
    printf("],\"runs\":%u,\"failed_runs\":%u", tuning->first.wanted,
           tuning->first.failed_runs + tuning->second.failed_runs);
    put_stage("tried", &tuning->first, tuning->first_rate);
    if (tuning->second.count > 1)
        put_stage("confirmed", &tuning->second, tuning->second_rate);
    puts("}");
}

enum hak_outcome hak_tune(const struct hak_run_options *options, const struct hak_program *program,
                          const char *library, int *ret_error, int *ret_signal) {
    static struct tuning tuning;
    struct hak_measure measure;
    tuning.options = options;
    tuning.first.measure = &measure;
    tuning.first.wanted = options->runs ? options->runs : RUNS_DEFAULT;
    tuning.first.needs_proof = true;
    choose(&tuning, library);
    unsigned needed = hak_sample_least(tuning.first_rate);
    if (tuning.first.wanted < needed)
        hak_complain("%u runs are too few to claim anything of so many settings: %u are needed",
                     tuning.first.wanted, needed);
    *ret_error = hak_measure_begin(&measure, program);
    measure.shows_output = options->shows_output;
    if (*ret_error == 0)
        *ret_error = run_stages(&tuning);
    *ret_signal = measure.stopped;
    if (*ret_error)
        return HAK_CANNOT;
    if (tuning.tried[0].flaw == HAK_FLAW_PRELOAD) {
        hak_complain("%s: libhakmem was not seen to be in effect", options->program[0]);
        return HAK_CANNOT;
    }
    if (options->is_json)
        print_json(&tuning);
    else
        print_text(&tuning);
    hak_rounds_free(&tuning.first);
    hak_rounds_free(&tuning.second);
    return tuning.first.failed_runs + tuning.second.failed_runs ? HAK_SOME_FAILED : HAK_ALL_WELL;
}

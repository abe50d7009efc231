/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of the command line. No option is typed here: all come from the table.
 */
#define _GNU_SOURCE
#include "stat/stat_options.h"

#include "common/complain.h"
#include "common/option.h"
#include "common/output.h"
#include "conf/conf.h"
#include "stat/target.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELP_COLUMN 27
#define HINT "(see hakmem-stat --help)"
#define THREAD_KEYS "tid, name, allocated, freed, cached, slabs or rate"
#define LIST_KEYS "pid, name, resident, live, waste, threads or trend"

enum option_index {
#define HAK_OPTION(name, letter, long_name, argument, help) OPTION_##name,
#include "stat/stat_options.def"
#undef HAK_OPTION
    OPTION_COUNT
};
_Static_assert(OPTION_COUNT <= HAK_STAT_OPTIONS_MOST, "typed[] has room for all");

static const struct hak_option stat_options[] = {
#define HAK_OPTION(name, letter, long_name, argument, help) {long_name, argument, help, letter},
#include "stat/stat_options.def"
#undef HAK_OPTION
};

const char *const hak_stat_options_sorts[HAK_SORT_KEYS] = {
    "tid", "name",     "allocated", "freed", "cached",  "slabs", "rate",
    "pid", "resident", "live",      "waste", "threads", "trend"};

static bool sorts_list(enum hak_sort_key key) {
    return key >= HAK_SORT_PID || key == HAK_SORT_NAME;
}

static bool sorts_threads(enum hak_sort_key key) {
    return key < HAK_SORT_PID;
}

enum hak_sort_key hak_stat_options_next_sort(enum hak_sort_key key, bool is_list) {
    do
        key = (enum hak_sort_key)((key + 1) % HAK_SORT_KEYS);
    while (is_list ? !sorts_list(key) : !sorts_threads(key));
    return key;
}

static enum hak_stat_answer print_help(void) {
    puts("Usage: hakmem-stat [OPTION]...\n"
         "       hakmem-stat [OPTION]... PID|NAME...\n"
         "       hakmem-stat [OPTION]... --all\n"
         "       hakmem-stat --diff BEFORE.json AFTER.json\n"
         "       hakmem-stat --profile [OPTION]... PID [SECONDS]\n"
         "Show the memory of running processes that use libhakmem; with none named, a line\n"
         "for each of them.\n");
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        hak_option_print(&stat_options[i], HELP_COLUMN);
    puts("\nExit status: 0 done; 1 failed; 2 wrong usage; 3 not on libhakmem; 4 permission\n"
         "denied; 5 another layout of counters; 6 no such process, or it ended meanwhile.\n"
         "See hakmem-stat(1) and hakmem(7).");
    return hak_output_finish() == 0 ? HAK_STAT_SERVED : HAK_STAT_NO_OUTPUT;
}

static enum hak_stat_answer print_version(void) {
    puts("hakmem-stat (libhakmem) " HAK_VERSION);
    return hak_output_finish() == 0 ? HAK_STAT_SERVED : HAK_STAT_NO_OUTPUT;
}

static bool read_sort(struct hak_stat_options *options, const char *text) {
    for (unsigned i = 0; i < HAK_SORT_KEYS; i++) {
        if (strcmp(text, hak_stat_options_sorts[i]) == 0) {
            options->sort = (enum hak_sort_key)i;
            options->has_sort = true;
            return true;
        }
    }
    hak_complain("%s %s: not " THREAD_KEYS ", nor " LIST_KEYS " " HINT, hak_option_typed(), text);
    return false;
}

static bool read_interval(struct hak_stat_options *options, const char *text) {
    char *end;
    options->interval_s = strtod(text, &end);
    if (end != text && *end == '\0' && options->interval_s >= 0.05 && options->interval_s <= 86400)
        return true;
    hak_complain("%s %s: not a number of seconds from 0.05 to 86400 " HINT, hak_option_typed(),
                 text);
    return false;
}

static bool read_count(struct hak_stat_options *options, const char *text) {
    char *end;
    options->count = strtoul(text, &end, 10);
    if (end != text && *end == '\0' && *text != '-' && options->count > 0 &&
        options->count < ULONG_MAX)
        return true;
    hak_complain("%s %s: not a number above 0 " HINT, hak_option_typed(), text);
    return false;
}

/* The range is that of the knob sample_mean. */
static bool read_mean(struct hak_stat_options *options, const char *text) {
    if (hak_conf_parse(HAK_KNOB_SIZE, "bytes", text, &options->sample_mean) &&
        options->sample_mean >= 1 && options->sample_mean <= UINT64_C(1) << 30)
        return true;
    hak_complain("%s %s: not a size from 1 to 1g " HINT, hak_option_typed(), text);
    return false;
}

static bool set_mode(struct hak_stat_options *options, enum hak_stat_mode mode) {
    if (options->mode != HAK_MODE_TEXT && options->mode != mode) {
        hak_complain("%s and %s: one of them at a time " HINT, options->mode_typed,
                     hak_option_typed());
        return false;
    }
    options->mode = mode;
    snprintf(options->mode_typed, sizeof options->mode_typed, "%s", hak_option_typed());
    return true;
}

static enum hak_stat_answer take(struct hak_stat_options *options, enum option_index option) {
    static const enum hak_stat_mode modes[OPTION_COUNT] = {
        [OPTION_WATCH] = HAK_MODE_WATCH,    [OPTION_FRAG] = HAK_MODE_FRAG,
        [OPTION_JSON] = HAK_MODE_JSON,      [OPTION_PROMETHEUS] = HAK_MODE_PROMETHEUS,
        [OPTION_CSV] = HAK_MODE_CSV,        [OPTION_DIFF] = HAK_MODE_DIFF,
        [OPTION_CHECK] = HAK_MODE_CHECK,    [OPTION_PURGE] = HAK_MODE_PURGE,
        [OPTION_PROFILE] = HAK_MODE_PROFILE};
    bool done = true;
    snprintf(options->typed[option], sizeof options->typed[option], "%s", hak_option_typed());
    switch (option) {
    case OPTION_HELP:
        return print_help();
    case OPTION_VERSION:
        return print_version();
    case OPTION_ALL:
        options->is_all = true;
        break;
    case OPTION_INTERVAL:
        done = read_interval(options, optarg);
        break;
    case OPTION_LOOKS:
        done = read_count(options, optarg);
        break;
    case OPTION_SORT:
        done = read_sort(options, optarg);
        break;
    case OPTION_SAMPLE_MEAN:
        done = read_mean(options, optarg);
        break;
    case OPTION_OUTPUT:
        options->output = optarg;
        break;
    case OPTION_LEAKS:
        options->is_leaks = true;
        break;
    default:
        done = set_mode(options, modes[option]);
    }
    return done ? HAK_STAT_RUN : HAK_STAT_WRONG_USAGE;
}

/* ---- what goes together ---- */

/* A second process rather than a number of seconds. */
static bool is_process(const char *text) {
    struct hak_target target;
    char *end;
    long pid = strtol(text, &end, 10);
    if (*end || pid <= 0 || pid > INT32_MAX)
        return false;
    enum hak_stat_error error = hak_target_open(&target, (pid_t)pid);
    hak_target_close(&target);
    return error == HAK_STAT_OK || error == HAK_STAT_OTHER_LAYOUT;
}

/* PID [SECONDS] */
static bool read_profile_operands(struct hak_stat_options *options) {
    char *end = NULL;
    if (options->operand_count == 0 || options->operand_count > 2 || options->is_all) {
        hak_complain("--profile takes a PID and a number of seconds " HINT);
        return false;
    }
    if (options->output && strcmp(options->output, "-") == 0 && isatty(STDOUT_FILENO)) {
        hak_complain("%s -: pprof's format is not for a terminal " HINT,
                     options->typed[OPTION_OUTPUT]);
        return false;
    }
    if (options->operand_count == 1)
        return true;
    if (is_process(options->operands[1])) {
        hak_complain("--profile takes one process, and %s is one, too; %ss is a number of seconds",
                     options->operands[1], options->operands[1]);
        return false;
    }
    options->seconds = strtod(options->operands[1], &end);
    end += *end == 's';
    if (*end == '\0' && options->seconds >= 0.05 && options->seconds <= 1e6)
        return true;
    hak_complain("%s: not a number of seconds from 0.05 to 1000000 " HINT, options->operands[1]);
    return false;
}

/* How many operands fit the mode. */
static bool operands_fit(const struct hak_stat_options *options) {
    unsigned count = options->operand_count;
    if (options->mode == HAK_MODE_DIFF) {
        if (count == 2 && !options->is_all)
            return true;
        hak_complain("--diff takes two files " HINT);
    } else if (options->is_all && count) {
        hak_complain("--all takes no process " HINT);
    } else if (!options->is_all && count == 0) {
        hak_complain("no process given " HINT);
    } else {
        return true;
    }
    return false;
}

#define MODE(mode) (1u << HAK_MODE_##mode)

/* Options that would have no effect are refused: who gives them expects one. */
static bool options_fit(const struct hak_stat_options *options) {
    static const struct {
        enum option_index option;
        unsigned modes;
        const char *words;
    } rules[] = {
        {OPTION_INTERVAL, MODE(WATCH) | MODE(CSV), "--watch or --csv"},
        {OPTION_LOOKS, MODE(WATCH) | MODE(CSV), "--watch or --csv"},
        {OPTION_SORT, MODE(TEXT) | MODE(LIST) | MODE(WATCH), "tables of threads or processes"},
        {OPTION_OUTPUT, MODE(PROFILE), "--profile"},
        {OPTION_SAMPLE_MEAN, MODE(PROFILE), "--profile"},
        {OPTION_LEAKS, MODE(PROFILE), "--profile"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const char *typed = options->typed[rules[i].option];
        if (*typed && !(rules[i].modes >> options->mode & 1)) {
            hak_complain("%s goes with %s " HINT, typed, rules[i].words);
            return false;
        }
    }
    if (*options->typed[OPTION_INTERVAL] && options->mode == HAK_MODE_CSV && !options->count) {
        hak_complain("%s needs --count with --csv " HINT, options->typed[OPTION_INTERVAL]);
        return false;
    }
    bool is_one = options->mode == HAK_MODE_TEXT, is_list = options->mode == HAK_MODE_LIST;
    if (*options->typed[OPTION_SORT] &&
        ((is_one && !sorts_threads(options->sort)) || (is_list && !sorts_list(options->sort)))) {
        hak_complain("%s %s: not %s " HINT, options->typed[OPTION_SORT],
                     hak_stat_options_sorts[options->sort], is_list ? LIST_KEYS : THREAD_KEYS);
        return false;
    }
    return true;
}

/* Without an operand all processes are meant, where they fit into one table. */
static void find_mode(struct hak_stat_options *options) {
    if (options->operand_count || options->is_all)
        return;
    if (options->mode == HAK_MODE_TEXT)
        options->mode = HAK_MODE_LIST;
    options->is_all = options->mode == HAK_MODE_LIST || options->mode == HAK_MODE_WATCH;
}

enum hak_stat_answer hak_stat_options_read(struct hak_stat_options *options, int argc,
                                           char **argv) {
    struct option rows[OPTION_COUNT + 1] = {{NULL, 0, NULL, 0}};
    char letters[HAK_OPTION_LETTERS(OPTION_COUNT)];
    struct hak_option_set set = {stat_options, OPTION_COUNT, rows, letters};
    *options = (struct hak_stat_options){.interval_s = 1.0};
    hak_option_prepare(&set, "");
    for (int index; (index = hak_option_next(&set, argc, argv)) != HAK_OPTION_END;) {
        if (index < 0)
            return HAK_STAT_WRONG_USAGE;
        enum hak_stat_answer result = take(options, (enum option_index)index);
        if (result != HAK_STAT_RUN)
            return result;
    }
    options->operands = argv + optind;
    options->operand_count = (unsigned)(argc - optind);
    find_mode(options);
    bool fits =
        options_fit(options) && (options->mode == HAK_MODE_PROFILE ? read_profile_operands(options)
                                                                   : operands_fit(options));
    return fits ? HAK_STAT_RUN : HAK_STAT_WRONG_USAGE;
}

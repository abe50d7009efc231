/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of the command line. No option is typed here: all come from the two tables, and
 * a knob's option only becomes a HAKMEM_ setting, whose value conf.c judges.
 * Invariant: at most one setting a variable; the last one given counts.
 */
#define _GNU_SOURCE
#include "run/run_options.h"

#include "common/complain.h"
#include "common/option.h"
#include "common/output.h"
#include "conf/conf.h"
#include "run/knob_texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "HAKMEM_"
#define HELP_COLUMN 24
#define NAME_CAPACITY 64 /* of a knob's option or variable */
#define HINT "(see hakmem-run --help)"

enum run_option_index {
#define HAK_OPTION(name, letter, long_name, argument, help) OPTION_##name,
#include "run/run_options.def"
#undef HAK_OPTION
    OPTION_COUNT
};

static const struct hak_option run_options[] = {
#define HAK_OPTION(name, letter, long_name, argument, help) {long_name, argument, help, letter},
#include "run/run_options.def"
#undef HAK_OPTION
};

static const char *value_word(const struct hak_knob *knob) {
    switch (knob->kind) {
    case HAK_KNOB_BOOL:
        return "[=yes|no]";
    case HAK_KNOB_SIZE:
        return "=SIZE";
    case HAK_KNOB_PERCENT:
        return "=PERCENT";
    case HAK_KNOB_COUNT:
        return "=NUMBER";
    case HAK_KNOB_LIMIT:
        return "=LIMIT";
    case HAK_KNOB_CHOICE:
        return "=CHOICE";
    case HAK_KNOB_TEXT:
        return "=TEXT";
    }
    return "";
}

/* The first so many characters of `text`, after `prefix`, and then the tail. */
static char *join_or_exit(const char *prefix, const char *text, size_t length, const char *tail) {
    char *joined;
    if (asprintf(&joined, "%s%.*s%s", prefix, (int)length, text, tail) >= 0)
        return joined;
    hak_complain("out of memory");
    exit(125);
}

/* dirty_min -> dirty-min */
static void knob_option_name(const struct hak_knob *knob, char name[NAME_CAPACITY]) {
    snprintf(name, NAME_CAPACITY, "%s", knob->name);
    for (char *at = name; *at; at++)
        *at = *at == '_' ? '-' : *at;
}

/* ---- settings ---- */

static bool add_setting(struct hak_run_options *options, char *setting, char *typed) {
    size_t name_length = strcspn(setting, "=") + 1;
    for (unsigned i = 0; i < options->setting_count; i++) {
        if (strncmp(options->settings[i], setting, name_length) == 0) {
            options->settings[i] = setting;
            options->typed[i] = typed;
            return true;
        }
    }
    if (options->setting_count == HAK_SETTINGS_MAX) {
        hak_complain("more than %u settings", HAK_SETTINGS_MAX);
        return false;
    }
    options->typed[options->setting_count] = typed;
    options->settings[options->setting_count++] = setting;
    return true;
}

/*
 * `name` up to its end or `=`, in any of the spellings dirty-min, dirty_min, HAKMEM_DIRTY_MIN;
 * `value` begins with `=`.
 */
static bool set(struct hak_run_options *options, const char *name, const char *value, char *typed) {
    size_t name_length = strcspn(name, "=");
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) == 0) {
        name += sizeof PREFIX - 1;
        name_length -= sizeof PREFIX - 1;
    }
    char *setting = join_or_exit(PREFIX, name, name_length, value);
    for (char *at = setting + sizeof PREFIX - 1; *at != '='; at++)
        *at = (char)(*at == '-' ? '_' : *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    return add_setting(options, setting, typed);
}

static const char *value_of(const struct hak_run_options *options, const char *variable) {
    size_t length = strlen(variable);
    for (unsigned i = 0; i < options->setting_count; i++)
        if (strncmp(options->settings[i], variable, length) == 0 &&
            options->settings[i][length] == '=')
            return options->settings[i] + length + 1;
    return NULL;
}

/* Who asks for the counters on the command line wants to read something at the end, too. */
static bool add_summary(struct hak_run_options *options) {
    uint64_t is_on;
    const char *stats = value_of(options, PREFIX "STATS");
    if (!stats || !hak_conf_parse(HAK_KNOB_BOOL, "", stats, &is_on) || !is_on ||
        options->mode != HAK_MODE_RUN || value_of(options, PREFIX "SUMMARY") ||
        getenv(PREFIX "SUMMARY"))
        return true;
    return set(options, "summary", "=yes", join_or_exit("--summary", "", 0, ""));
}

static bool set_by_name(struct hak_run_options *options, const char *text) {
    const char *equals = strchr(text, '=');
    if (equals && equals != text) {
        char *option = join_or_exit(hak_option_typed(), " ", 1, "");
        return set(options, text, equals, join_or_exit(option, text, (size_t)(equals - text), ""));
    }
    hak_complain("%s %s: not NAME=VALUE " HINT, hak_option_typed(), text);
    return false;
}

/* ---- help ---- */

static void print_knob_option(const struct hak_knob *knob) {
    char name[NAME_CAPACITY], storage[512];
    struct hak_buffer help;
    knob_option_name(knob, name);
    hak_buffer_init(&help, storage, sizeof storage);
    hak_put_text(&help, hak_knob_help[knob - hak_knobs]);
    hak_put_text(&help, " (default ");
    hak_conf_put_value(&help, knob->kind, knob->unit, knob->initial);
    hak_put_char(&help, ')');
    hak_output_wrap(storage, HELP_COLUMN, printf("      --%s%s", name, value_word(knob)));
}

static void print_help(void) {
    puts("Usage: hakmem-run [OPTION]... PROGRAM [ARGUMENT]...\n"
         "Run PROGRAM with libhakmem in place of its memory allocator.\n");
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        hak_option_print(&run_options[i], HELP_COLUMN);
    puts("\nKnobs (a SIZE takes k, m, g or t, a LIMIT also %; all knobs: --list-knobs):");
    for (unsigned i = 0; i < hak_knob_count; i++) {
        if (hak_knobs[i].stability == HAK_KNOB_STABLE)
            print_knob_option(&hak_knobs[i]);
    }
    puts("\nThe exit status is PROGRAM's; 127: PROGRAM not found; 126: it cannot be run;\n"
         "125: hakmem-run itself failed; 2: wrong option or wrong HAKMEM_ variable.\n"
         "See hakmem-run(1) and hakmem(7).");
}

static enum hak_run_answer serve(enum run_option_index option) {
    if (option == OPTION_HELP)
        print_help();
    else
        puts("hakmem-run (libhakmem) " HAK_VERSION);
    return hak_output_finish() == 0 ? HAK_DONE : HAK_FAILED;
}

/* ---- getopt ---- */

/* Room for the options' rows; behind it those of the knobs. */
static struct option *make_rows(void) {
    struct option *rows = calloc(OPTION_COUNT + hak_knob_count + 1, sizeof *rows);
    if (!rows)
        return NULL;
    struct option *row = rows + OPTION_COUNT;
    for (unsigned i = 0; i < hak_knob_count; i++) {
        char name[NAME_CAPACITY];
        if (hak_knobs[i].stability != HAK_KNOB_STABLE)
            continue;
        knob_option_name(&hak_knobs[i], name);
        row->name = join_or_exit("", name, strlen(name), "");
        row->has_arg = hak_knobs[i].kind == HAK_KNOB_BOOL ? optional_argument : required_argument;
        row->val = hak_option_answer(OPTION_COUNT + i);
        row++;
    }
    return rows;
}

static bool set_mode(struct hak_run_options *options, enum hak_run_mode mode) {
    if (options->mode != HAK_MODE_RUN && options->mode != mode) {
        hak_complain("%s and %s: one of them at a time " HINT, options->mode_typed,
                     hak_option_typed());
        return false;
    }
    options->mode = mode;
    options->mode_typed = join_or_exit(hak_option_typed(), "", 0, "");
    return true;
}

static bool set_runs(struct hak_run_options *options, const char *text) {
    uint64_t number;
    if (!hak_conf_parse(HAK_KNOB_COUNT, "", text, &number) || number < 1 || number > 1000) {
        hak_complain("%s %s: not a number from 1 to 1000 " HINT, hak_option_typed(), text);
        return false;
    }
    options->runs = (unsigned)number;
    return true;
}

static bool add_with(struct hak_run_options *options, const char *library) {
    if (options->with_count == HAK_WITH_MAX) {
        hak_complain("more than %u times --with", HAK_WITH_MAX);
        return false;
    }
    options->with[options->with_count++] = library;
    return true;
}

/* HAK_RUN: the next option, please. */
static enum hak_run_answer take(struct hak_run_options *options, unsigned index) {
    if (index >= OPTION_COUNT) {
        const char *value = join_or_exit("=", "", 0, optarg ? optarg : "yes");
        char *typed = join_or_exit(hak_option_typed(), "", 0, "");
        return set(options, hak_knobs[index - OPTION_COUNT].name, value, typed) ? HAK_RUN
                                                                                : HAK_WRONG_USAGE;
    }
    enum run_option_index option = (enum run_option_index)index;
    bool is_right = true;
    switch (option) {
    case OPTION_NO_INHERIT:
        options->is_no_inherit = true;
        break;
    case OPTION_PROFILE:
        options->profile = optarg;
        break;
    case OPTION_LEAKS:
        options->is_leaks = true;
        break;
    case OPTION_SET:
        is_right = set_by_name(options, optarg);
        break;
    case OPTION_COMPARE:
        is_right = set_mode(options, HAK_MODE_COMPARE);
        break;
    case OPTION_TUNE:
        is_right = set_mode(options, HAK_MODE_TUNE);
        break;
    case OPTION_RUNS:
        is_right = set_runs(options, optarg);
        break;
    case OPTION_WITH:
        is_right = add_with(options, optarg);
        break;
    case OPTION_SHOW_OUTPUT:
        options->shows_output = true;
        break;
    case OPTION_JSON:
        options->is_json = true;
        break;
    case OPTION_LIST_KNOBS:
        is_right = set_mode(options, HAK_MODE_LIST_KNOBS);
        break;
    default:
        return serve(option);
    }
    return is_right ? HAK_RUN : HAK_WRONG_USAGE;
}

/* What belongs together. */
static bool is_consistent(const struct hak_run_options *options) {
    bool measures = options->mode == HAK_MODE_COMPARE || options->mode == HAK_MODE_TUNE;
    const char *wrong = NULL;
    if (options->is_json && options->mode == HAK_MODE_RUN)
        wrong = "--json goes with --compare, --tune or --list-knobs";
    else if ((options->runs || options->shows_output) && !measures)
        wrong = "--runs and --show-output go with --compare or --tune";
    else if (options->with_count && options->mode != HAK_MODE_COMPARE)
        wrong = "--with goes with --compare";
    else if ((options->profile || options->is_leaks) && options->mode != HAK_MODE_RUN)
        wrong = "--profile and --leaks need a run of their own";
    else if (options->is_no_inherit && measures)
        wrong = "--compare and --tune let PROGRAM's children inherit: no --no-inherit";
    else if (!*options->program && options->mode != HAK_MODE_LIST_KNOBS)
        wrong = "no program given";
    if (wrong)
        hak_complain("%s " HINT, wrong);
    return !wrong;
}

enum hak_run_answer hak_run_options_read(struct hak_run_options *options, int argc, char **argv) {
    char letters[HAK_OPTION_LETTERS(OPTION_COUNT)];
    struct hak_option_set set = {run_options, OPTION_COUNT, make_rows(), letters};
    if (!set.rows)
        return HAK_FAILED;
    hak_option_prepare(&set, "+"); /* options end at PROGRAM */
    memset(options, 0, sizeof *options);
    for (int index; (index = hak_option_next(&set, argc, argv)) != HAK_OPTION_END;) {
        if (index < 0)
            return HAK_WRONG_USAGE;
        enum hak_run_answer result = take(options, (unsigned)index);
        if (result != HAK_RUN)
            return result;
    }
    options->program = argv + optind;
    if (!add_summary(options))
        return HAK_WRONG_USAGE;
    return is_consistent(options) ? HAK_RUN : HAK_WRONG_USAGE;
}

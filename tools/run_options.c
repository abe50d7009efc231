/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of the command line. No option is typed here: all come from the two tables, and
 * a knob's option only becomes a HAKMEM_ setting, whose value conf.c judges.
 * Invariant: at most one setting a variable; the last one given counts.
 */
#define _GNU_SOURCE
#include "run_options.h"

#include "conf/conf.h"
#include "knob_texts.h"
#include "message.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "HAKMEM_"
#define HELP_COLUMN 24
#define NAME_CAPACITY 64 /* of a knob's option or variable */
#define HINT "(see hakmem-run --help)"

struct run_option {
    const char *name; /* long */
    const char *argument;
    const char *help;
    char letter; /* 0: none */
};

enum run_option_index {
#define HAK_OPTION(name, letter, long_name, argument, help) OPTION_##name,
#include "run_options.def"
#undef HAK_OPTION
    OPTION_COUNT
};

static const struct run_option run_options[] = {
#define HAK_OPTION(name, letter, long_name, argument, help) {long_name, argument, help, letter},
#include "run_options.def"
#undef HAK_OPTION
};

/* getopt's answers: a letter, or one of these and an index. */
#define LONG_ANSWER 256
#define KNOB_ANSWER 1024

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

static bool add_setting(struct hak_run_options *options, char *setting) {
    size_t name_length = strcspn(setting, "=") + 1;
    for (unsigned i = 0; i < options->setting_count; i++) {
        if (strncmp(options->settings[i], setting, name_length) == 0) {
            options->settings[i] = setting;
            return true;
        }
    }
    if (options->setting_count == HAK_SETTINGS_MAX) {
        hak_complain("more than %u settings", HAK_SETTINGS_MAX);
        return false;
    }
    options->settings[options->setting_count++] = setting;
    return true;
}

/*
 * `name` up to its end or `=`, in any of the spellings dirty-min, dirty_min, HAKMEM_DIRTY_MIN;
 * `value` begins with `=`.
 */
static bool set(struct hak_run_options *options, const char *name, const char *value) {
    size_t name_length = strcspn(name, "=");
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) == 0) {
        name += sizeof PREFIX - 1;
        name_length -= sizeof PREFIX - 1;
    }
    char *setting = join_or_exit(PREFIX, name, name_length, value);
    for (char *at = setting + sizeof PREFIX - 1; *at != '='; at++)
        *at = (char)(*at == '-' ? '_' : *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    return add_setting(options, setting);
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
    return set(options, "summary", "=yes");
}

static bool set_by_name(struct hak_run_options *options, const char *text) {
    const char *equals = strchr(text, '=');
    if (equals && equals != text)
        return set(options, text, equals);
    hak_complain("--set %s: not NAME=VALUE " HINT, text);
    return false;
}

/* ---- help ---- */

static void print_option(const struct run_option *option) {
    char shown[NAME_CAPACITY * 2];
    const char *equals = *option->argument ? "=" : "";
    if (option->letter)
        snprintf(shown, sizeof shown, "  -%c, --%s%s%s", option->letter, option->name, equals,
                 option->argument);
    else
        snprintf(shown, sizeof shown, "      --%s%s%s", option->name, equals, option->argument);
    hak_print_wrapped(option->help, HELP_COLUMN, printf("%s", shown));
}

static void print_knob_option(const struct hak_knob *knob) {
    char name[NAME_CAPACITY], storage[512];
    struct hak_buffer help;
    knob_option_name(knob, name);
    hak_buffer_init(&help, storage, sizeof storage);
    hak_put_text(&help, hak_knob_help[knob - hak_knobs]);
    hak_put_text(&help, " (default ");
    hak_conf_put_value(&help, knob->kind, knob->unit, knob->initial);
    hak_put_char(&help, ')');
    hak_print_wrapped(storage, HELP_COLUMN, printf("      --%s%s", name, value_word(knob)));
}

static void print_help(void) {
    puts("Usage: hakmem-run [OPTION]... PROGRAM [ARGUMENT]...\n"
         "Run PROGRAM with libhakmem in place of its memory allocator.\n");
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        print_option(&run_options[i]);
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
    return hak_finish_output() == 0 ? HAK_DONE : HAK_FAILED;
}

/* ---- getopt ---- */

static struct option *make_table(void) {
    struct option *table = calloc(OPTION_COUNT + hak_knob_count + 1, sizeof *table), *row = table;
    for (unsigned i = 0; table && i < OPTION_COUNT; i++, row++) {
        row->name = run_options[i].name;
        row->has_arg = *run_options[i].argument ? required_argument : no_argument;
        row->val = LONG_ANSWER + (int)i;
    }
    for (unsigned i = 0; table && i < hak_knob_count; i++) {
        char name[NAME_CAPACITY];
        if (hak_knobs[i].stability != HAK_KNOB_STABLE)
            continue;
        knob_option_name(&hak_knobs[i], name);
        row->name = join_or_exit("", name, strlen(name), "");
        row->has_arg = hak_knobs[i].kind == HAK_KNOB_BOOL ? optional_argument : required_argument;
        row->val = KNOB_ANSWER + (int)i;
        row++;
    }
    return table;
}

static void make_letters(char letters[2 * OPTION_COUNT + 3]) {
    *letters++ = '+'; /* options end at PROGRAM */
    *letters++ = ':'; /* tell a missing argument from an unknown option */
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (run_options[i].letter)
            *letters++ = run_options[i].letter;
        if (run_options[i].letter && *run_options[i].argument)
            *letters++ = ':';
    }
    *letters = '\0';
}

static void complain_unknown(const struct option *table, const char *given) {
    unsigned nearest = UINT32_MAX;
    const char *nearest_name = "";
    if (optopt != 0 && optopt < LONG_ANSWER) {
        hak_complain("unknown option -%c " HINT, optopt);
        return;
    }
    given += strspn(given, "-");
    if (optopt != 0) {
        hak_complain("option --%.*s takes no value " HINT, (int)strcspn(given, "="), given);
        return;
    }
    for (; table->name; table++) {
        unsigned distance = hak_conf_distance(given, table->name);
        if (distance < nearest) {
            nearest = distance;
            nearest_name = table->name;
        }
    }
    hak_complain("unknown option --%.*s (nearest: --%s)", (int)strcspn(given, "="), given,
                 nearest_name);
}

/* The index of the option that getopt's answer means; OPTION_COUNT: none. */
static enum run_option_index option_index(int answer) {
    if (answer >= LONG_ANSWER && answer < LONG_ANSWER + OPTION_COUNT)
        return (enum run_option_index)(answer - LONG_ANSWER);
    unsigned i = 0;
    while (i < OPTION_COUNT && (run_options[i].letter != answer || answer == 0))
        i++;
    return (enum run_option_index)i;
}

static bool set_mode(struct hak_run_options *options, enum hak_run_mode mode) {
    if (options->mode != HAK_MODE_RUN && options->mode != mode) {
        hak_complain("more than one thing to do " HINT);
        return false;
    }
    options->mode = mode;
    return true;
}

static bool set_runs(struct hak_run_options *options, const char *text) {
    uint64_t number;
    if (!hak_conf_parse(HAK_KNOB_COUNT, "", text, &number) || number < 1 || number > 1000) {
        hak_complain("--runs %s: not a number from 1 to 1000 " HINT, text);
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
static enum hak_run_answer take(struct hak_run_options *options, int answer) {
    if (answer >= KNOB_ANSWER) {
        const char *value = join_or_exit("=", "", 0, optarg ? optarg : "yes");
        return set(options, hak_knobs[answer - KNOB_ANSWER].name, value) ? HAK_RUN
                                                                         : HAK_WRONG_USAGE;
    }
    enum run_option_index option = option_index(answer);
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
    char letters[2 * OPTION_COUNT + 3];
    struct option *table = make_table();
    enum hak_run_answer result = HAK_RUN;
    if (!table)
        return HAK_FAILED;
    make_letters(letters);
    memset(options, 0, sizeof *options);
    opterr = 0;
    for (;;) {
        const char *given = optind < argc ? argv[optind] : "";
        int answer = getopt_long(argc, argv, letters, table, NULL);
        if (answer == -1)
            break;
        if (answer == ':') {
            hak_complain("option %s needs a value " HINT, given);
            return HAK_WRONG_USAGE;
        }
        if (answer == '?') {
            complain_unknown(table, given);
            return HAK_WRONG_USAGE;
        }
        if ((result = take(options, answer)) != HAK_RUN)
            return result;
    }
    options->program = argv + optind;
    if (!add_summary(options))
        return HAK_WRONG_USAGE;
    return is_consistent(options) ? HAK_RUN : HAK_WRONG_USAGE;
}

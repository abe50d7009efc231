/* SPDX-License-Identifier: MIT */
/*
 * Owns the calls of getopt_long. Used by one thread.
 */
#define _GNU_SOURCE
#include "common/option.h"

#include "common/complain.h"
#include "common/output.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LONG_ANSWER 256 /* above all letters */

static char typed[64];

int hak_option_answer(unsigned index) {
    return LONG_ANSWER + (int)index;
}

void hak_option_prepare(struct hak_option_set *set, const char *first) {
    char *letter = stpcpy(set->letters, first);
    *letter++ = ':'; /* tell a missing argument from an unknown option */
    for (unsigned i = 0; i < set->count; i++) {
        const struct hak_option *option = &set->options[i];
        bool has_argument = *option->argument != '\0';
        set->rows[i] = (struct option){option->name, has_argument ? required_argument : no_argument,
                                       NULL, hak_option_answer(i)};
        if (option->letter)
            *letter++ = option->letter;
        if (option->letter && has_argument)
            *letter++ = ':';
    }
    *letter = '\0';
}

static int index_of_letter(const struct hak_option_set *set, int letter) {
    unsigned i = 0;
    while (set->options[i].letter != letter)
        i++;
    return (int)i;
}

/* An argument may stand in an element of its own, behind the option's. */
static void note_typed(int answer, char **argv) {
    const char *element = argv[optind - 1];
    if (answer < LONG_ANSWER)
        snprintf(typed, sizeof typed, "-%c", answer);
    else
        snprintf(typed, sizeof typed, "%.*s",
                 (int)strcspn(optarg == element ? argv[optind - 2] : element, "="),
                 optarg == element ? argv[optind - 2] : element);
}

const char *hak_option_typed(void) {
    return typed;
}

/* ---- names that are none ---- */

static bool complain_ambiguous(const struct option *rows, const char *given, size_t length) {
    char names[256] = "";
    unsigned count = 0;
    for (; rows->name; rows++) {
        size_t used = strlen(names);
        if (strncmp(rows->name, given, length) != 0)
            continue;
        snprintf(names + used, sizeof names - used, "%s--%s", used ? ", " : "", rows->name);
        count++;
    }
    if (count > 1)
        hak_complain("option --%.*s is ambiguous: %s", (int)length, given, names);
    return count > 1;
}

static void complain_unknown(const struct option *rows, const char *given) {
    unsigned nearest = UINT32_MAX;
    const char *nearest_name = "";
    given += strspn(given, "-");
    size_t length = strcspn(given, "=");
    if (complain_ambiguous(rows, given, length))
        return;
    for (; rows->name; rows++) {
        unsigned distance = hak_conf_distance(given, rows->name);
        if (distance < nearest) {
            nearest = distance;
            nearest_name = rows->name;
        }
    }
    if (hak_conf_is_near(given, nearest))
        hak_complain("unknown option --%.*s (nearest: --%s)", (int)length, given, nearest_name);
    else
        hak_complain("unknown option --%.*s (see %s --help)", (int)length, given, hak_tool_name);
}

int hak_option_next(const struct hak_option_set *set, int argc, char **argv) {
    opterr = 0;
    int answer = getopt_long(argc, argv, set->letters, set->rows, NULL);
    if (answer == -1)
        return HAK_OPTION_END;
    if (answer != ':' && answer != '?') {
        note_typed(answer, argv);
        return answer >= LONG_ANSWER ? answer - LONG_ANSWER : index_of_letter(set, answer);
    }
    const char *given = argv[optind - 1];
    if (answer == ':')
        hak_complain("option %s needs a value (see %s --help)", given, hak_tool_name);
    else if (optopt == 0)
        complain_unknown(set->rows, given);
    else if (optopt < LONG_ANSWER)
        hak_complain("unknown option -%c (see %s --help)", optopt, hak_tool_name);
    else
        hak_complain("option %.*s takes no value (see %s --help)", (int)strcspn(given, "="), given,
                     hak_tool_name);
    return HAK_OPTION_WRONG;
}

void hak_option_print(const struct hak_option *option, int indent) {
    int column = option->letter ? printf("  -%c, ", option->letter) : printf("      ");
    const char *equals = *option->argument ? "=" : "";
    column += printf("--%s%s%s", option->name, equals, option->argument);
    hak_output_wrap(option->help, indent, column);
}

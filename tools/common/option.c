/* SPDX-License-Identifier: MIT */
/*
 * Owns the calls of getopt_long. Used by one thread.
 */
#define _GNU_SOURCE
#include "common/option.h"

#include "common/complain.h"
#include "common/output.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LONG_ANSWER 256 /* above all letters */

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

int hak_option_next(const struct hak_option_set *set, int argc, char **argv) {
    opterr = 0;
    int answer = getopt_long(argc, argv, set->letters, set->rows, NULL);
    if (answer == -1)
        return HAK_OPTION_END;
    if (answer >= LONG_ANSWER)
        return answer - LONG_ANSWER;
    if (answer != ':' && answer != '?')
        return index_of_letter(set, answer);
    const char *given = argv[optind - 1];
    if (answer == ':')
        hak_complain("option %s needs a value (see %s --help)", given, hak_tool_name);
    else if (optopt == 0)
        return HAK_OPTION_UNKNOWN;
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

/* SPDX-License-Identifier: MIT */
/*
 * Owns the way from a tool's table of options (run_options.def, stat_options.def) through
 * getopt_long, and what is complained of on it. Used once, by one thread.
 */
#ifndef HAK_TOOLS_COMMON_OPTION_H
#define HAK_TOOLS_COMMON_OPTION_H

#include <getopt.h>

struct hak_option {
    const char *name;     /* long */
    const char *argument; /* "": none */
    const char *help;
    char letter; /* 0: none */
};

struct hak_option_set {
    const struct hak_option *options;
    unsigned count;
    struct option *rows; /* getopt's: those of `options`, then the caller's own, then zeroes */
    char *letters;       /* getopt's */
};

/* The letters of so many options take this much. */
#define HAK_OPTION_LETTERS(count) (2 * (count) + 3)

enum { HAK_OPTION_END = -1, HAK_OPTION_WRONG = -2 };

/* What getopt answers to the row of this index. The caller's own rows have it as their val. */
int hak_option_answer(unsigned index);

/* Writes the rows of `options` and, after `first`, their letters. */
void hak_option_prepare(struct hak_option_set *set, const char *first);

/* The index of the next option's row, its argument in optarg. WRONG: a complaint was made. */
int hak_option_next(const struct hak_option_set *set, int argc, char **argv);

/* The option that hak_option_next found last, as it was typed, without its argument. */
const char *hak_option_typed(void);

/* The option's lines of --help, their text from column `indent` on. */
void hak_option_print(const struct hak_option *option, int indent);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns hakmem-stat's command line: the table stat_options.def becomes getopt's table and --help.
 * Used once, by one thread.
 */
#ifndef HAK_TOOLS_STAT_STAT_OPTIONS_H
#define HAK_TOOLS_STAT_STAT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum hak_stat_mode {
    HAK_MODE_TEXT,
    HAK_MODE_LIST, /* a row a process */
    HAK_MODE_WATCH,
    HAK_MODE_FRAG,
    HAK_MODE_JSON,
    HAK_MODE_PROMETHEUS,
    HAK_MODE_CSV,
    HAK_MODE_DIFF,
    HAK_MODE_CHECK,
    HAK_MODE_PURGE,
    HAK_MODE_PROFILE
};

/* Those of threads, then those of processes; the name is both's. */
enum hak_sort_key {
    HAK_SORT_TID,
    HAK_SORT_NAME,
    HAK_SORT_ALLOCATED,
    HAK_SORT_FREED,
    HAK_SORT_CACHED,
    HAK_SORT_SLABS,
    HAK_SORT_RATE,
    HAK_SORT_PID,
    HAK_SORT_RESIDENT,
    HAK_SORT_LIVE,
    HAK_SORT_WASTE,
    HAK_SORT_THREADS,
    HAK_SORT_TREND,
    HAK_SORT_KEYS
};

extern const char *const hak_stat_options_sorts[HAK_SORT_KEYS];

/* The next key of a list of processes, or of threads. */
enum hak_sort_key hak_stat_options_next_sort(enum hak_sort_key key, bool is_list);

#define HAK_STAT_OPTIONS_MOST 32u
#define HAK_STAT_TYPED_CHARS 32u

struct hak_stat_options {
    enum hak_stat_mode mode;
    enum hak_sort_key sort;
    bool has_sort; /* it was given */
    bool is_all;
    double interval_s;
    unsigned long count; /* 0: not given */
    double seconds;      /* of --profile; 0: no end */
    const char *output;  /* of --profile; NULL: not given */
    bool is_leaks;
    uint64_t sample_mean; /* of --profile, in bytes; 0: not given */
    char **operands;      /* ended by NULL */
    unsigned operand_count;
    char mode_typed[HAK_STAT_TYPED_CHARS]; /* the option that set the mode, as it was typed */
    char typed[HAK_STAT_OPTIONS_MOST][HAK_STAT_TYPED_CHARS]; /* each option; empty: not given */
};

/* HAK_STAT_RUN: go on. HAK_STAT_SERVED: --help and the like were served. Else: complained. */
enum hak_stat_answer { HAK_STAT_RUN, HAK_STAT_SERVED, HAK_STAT_WRONG_USAGE, HAK_STAT_NO_OUTPUT };

enum hak_stat_answer hak_stat_options_read(struct hak_stat_options *options, int argc, char **argv);

#endif

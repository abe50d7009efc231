/* SPDX-License-Identifier: MIT */
/*
 * The forms in which snapshots are shown. Text for people has units, and colour only if asked for;
 * it fits the width given: what does not fit is left out as a whole column or a whole phrase, and
 * a number too long for its column is written in thousands. Used by one thread.
 */
#ifndef HAK_TOOLS_STAT_SHOW_H
#define HAK_TOOLS_STAT_SHOW_H

#include "stat/snapshot.h"
#include "stat/stat_options.h"

#include <stdio.h>

#define HAK_JSON_SCHEMA "hakmem-stat-1"

struct hak_show_text {
    char *text;
    bool is_heading;
};

/* How text is laid out, and where it goes: to `out`, or, if that is NULL, into `lines`. */
struct hak_show {
    FILE *out;
    unsigned columns; /* 0: no bound */
    unsigned skip;    /* columns of a table that scrolled out to the left; the first two stay */
    bool has_colour;
    enum hak_sort_key sort;
    const struct hak_snapshot *before; /* for rates; or NULL */
    struct hak_show_text *lines;
    unsigned line_count;
    unsigned fixed; /* lines that do not scroll: up to the table's heading */
};

/* Gives the lines back. */
void hak_show_clear(struct hak_show *show);

/* One line, cut to the width. A heading is set off by colour. */
__attribute__((format(printf, 2, 3))) void hak_show_line(struct hak_show *show, const char *format,
                                                         ...);
void hak_show_heading(struct hak_show *show, const char *text);

/* A line of phrases, as many as fit; the first one always. */
#define HAK_SHOW_PHRASES 6u
struct hak_show_phrases {
    char text[HAK_SHOW_PHRASES][96];
    unsigned count;
};
__attribute__((format(printf, 2, 3))) void hak_show_add(struct hak_show_phrases *phrases,
                                                        const char *format, ...);
void hak_show_phrases(struct hak_show *show, const struct hak_show_phrases *phrases,
                      bool is_heading);

/* ---- tables ---- */

#define HAK_SHOW_COLUMNS 12u
#define HAK_SHOW_CELL 32u

struct hak_show_column {
    const char *heading;
    unsigned char width;
    unsigned char rank; /* the lower, the longer it stays when the terminal is narrow */
    bool is_left;
    bool is_hidden;
};

typedef char hak_show_cells[HAK_SHOW_COLUMNS][HAK_SHOW_CELL];

/* Marks what does not fit as hidden and shows the headings, which end the fixed lines. */
void hak_show_headings(struct hak_show *show, struct hak_show_column *columns, unsigned count);
void hak_show_row(struct hak_show *show, const struct hak_show_column *columns, unsigned count,
                  hak_show_cells cells);
/* The number in as many characters, in thousands, millions... if it is longer. */
void hak_show_put_count(char cell[HAK_SHOW_CELL], unsigned width, uint64_t count);
void hak_show_put_size(char cell[HAK_SHOW_CELL], uint64_t bytes);

/* ---- what is shown ---- */

/* 90 is "90 s", 7200 "120 min". */
void hak_show_put_duration(char text[HAK_SHOW_CELL], uint64_t seconds);

void hak_show_process(struct hak_show *show, const struct hak_snapshot *snapshot);
/* In two lines, for a low terminal. */
void hak_show_process_briefly(struct hak_show *show, const struct hak_snapshot *snapshot);
void hak_show_threads(struct hak_show *show, const struct hak_snapshot *snapshot);
void hak_show_classes(struct hak_show *show, const struct hak_snapshot *snapshot);
void hak_show_waste(struct hak_show *show, const struct hak_snapshot *snapshot);

void hak_show_json(FILE *out, const struct hak_snapshot *snapshot);
void hak_show_prometheus(FILE *out, const struct hak_snapshot *snapshots, unsigned count);
void hak_show_csv_names(FILE *out);
void hak_show_csv(FILE *out, const struct hak_snapshot *snapshot);

/* 0, or the exit status of a failure that was complained about. */
int hak_show_diff(FILE *out, const char *before_path, const char *after_path);

/* The exit status of --check. */
int hak_show_check(FILE *out, pid_t pid);

#endif

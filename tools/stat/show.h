/* SPDX-License-Identifier: MIT */
/*
 * Owns the forms in which snapshots are shown. Text for people is cut to the given width, has
 * units, and colour only if asked for. One thread only.
 */
#ifndef HAK_TOOLS_STAT_SHOW_H
#define HAK_TOOLS_STAT_SHOW_H

#include "stat/stat_options.h"
#include "stat/snapshot.h"

#include <stdio.h>

#define HAK_JSON_SCHEMA "hakmem-stat-1"

/* How text is laid out. */
struct hak_show {
    FILE *out;
    unsigned columns; /* a line is cut there; 0: never */
    unsigned lines;   /* of all; 0: no end */
    unsigned used;    /* lines so far */
    bool has_colour;
    enum hak_sort_key sort;
    const struct hak_snapshot *before; /* for rates; or NULL */
};

/* One line, cut to the width. A heading is set off by colour. */
__attribute__((format(printf, 2, 3))) void hak_show_line(struct hak_show *look, const char *format,
                                                         ...);
__attribute__((format(printf, 2, 3))) void hak_show_heading(struct hak_show *look,
                                                            const char *format, ...);

void hak_show_process(struct hak_show *look, const struct hak_snapshot *snapshot);
/* In two lines, for a low terminal. */
void hak_show_process_briefly(struct hak_show *look, const struct hak_snapshot *snapshot);
void hak_show_threads(struct hak_show *look, const struct hak_snapshot *snapshot);
void hak_show_classes(struct hak_show *look, const struct hak_snapshot *snapshot);
void hak_show_waste(struct hak_show *look, const struct hak_snapshot *snapshot);

void hak_show_json(FILE *out, const struct hak_snapshot *snapshot);
void hak_show_prometheus(FILE *out, const struct hak_snapshot *snapshots, unsigned count);
void hak_show_csv_names(FILE *out);
void hak_show_csv(FILE *out, const struct hak_snapshot *snapshot);

/* 0, or the exit status of a failure that was complained about. */
int hak_show_diff(FILE *out, const char *before_path, const char *after_path);

/* Runs until q, a signal, the last look or the end of the process; an exit status. */
int hak_show_watch(pid_t pid, const struct hak_stat_options *options);

/* The exit status of --check. */
int hak_show_check(FILE *out, pid_t pid);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The layout of text for people: lines, phrases, tables. Stateless.
 */
#define _GNU_SOURCE
#include "stat/show.h"

#include "common/complain.h"
#include "common/output.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BOLD "\033[1m"
#define PLAIN "\033[0m"
#define LINE_CHARS 600u /* more than any line of ours has */

/* ---- lines ---- */

static void keep_line(struct hak_show *show, const char *line, bool is_heading) {
    struct hak_show_text *grown =
        reallocarray(show->lines, show->line_count + 1, sizeof *show->lines);
    char *text = grown ? strdup(line) : NULL;
    if (grown)
        show->lines = grown;
    if (!text) {
        hak_complain("out of memory");
        exit(HAK_EXIT_FAILED);
    }
    grown[show->line_count++] = (struct hak_show_text){text, is_heading};
}

static void put_line(struct hak_show *show, char *line, bool is_heading) {
    if (show->columns && strlen(line) > show->columns)
        line[show->columns] = '\0';
    if (!show->out) {
        keep_line(show, line, is_heading);
        return;
    }
    is_heading = is_heading && show->has_colour;
    fprintf(show->out, "%s%s%s\n", is_heading ? BOLD : "", line, is_heading ? PLAIN : "");
}

void hak_show_clear(struct hak_show *show) {
    for (unsigned i = 0; i < show->line_count; i++)
        free(show->lines[i].text);
    free(show->lines);
    show->lines = NULL;
    show->line_count = show->fixed = 0;
}

void hak_show_line(struct hak_show *show, const char *format, ...) {
    char line[LINE_CHARS];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    put_line(show, line, false);
}

void hak_show_heading(struct hak_show *show, const char *text) {
    char line[LINE_CHARS];
    snprintf(line, sizeof line, "%s", text);
    put_line(show, line, true);
}

void hak_show_add(struct hak_show_phrases *phrases, const char *format, ...) {
    va_list arguments;
    if (phrases->count == HAK_SHOW_PHRASES)
        return;
    va_start(arguments, format);
    vsnprintf(phrases->text[phrases->count++], sizeof phrases->text[0], format, arguments);
    va_end(arguments);
}

void hak_show_phrases(struct hak_show *show, const struct hak_show_phrases *phrases,
                      bool is_heading) {
    char line[LINE_CHARS] = "";
    size_t length = 0;
    for (unsigned i = 0; i < phrases->count; i++) {
        size_t more = strlen(phrases->text[i]);
        if (length && show->columns && length + more > show->columns)
            break;
        length += (size_t)snprintf(line + length, sizeof line - length, "%s", phrases->text[i]);
    }
    put_line(show, line, is_heading);
}

/* ---- tables ---- */

/* Columns of the same rank are shown all or not at all. */
static void fit(struct hak_show_column *columns, unsigned count, unsigned room) {
    unsigned used = 0;
    for (unsigned rank = 0; rank < HAK_SHOW_COLUMNS; rank++) {
        unsigned more = 0;
        for (unsigned i = 0; i < count; i++)
            if (columns[i].rank == rank && !columns[i].is_hidden)
                more += columns[i].width + (used + more ? 1u : 0u);
        bool fits = room == 0 || used == 0 || used + more <= room;
        for (unsigned i = 0; i < count; i++)
            columns[i].is_hidden = columns[i].is_hidden || (columns[i].rank == rank && !fits);
        used += fits ? more : 0;
    }
}

static void put_cells(struct hak_show *show, const struct hak_show_column *columns, unsigned count,
                      hak_show_cells cells, bool is_heading) {
    char line[LINE_CHARS];
    size_t length = 0;
    for (unsigned i = 0; i < count; i++) {
        int width = columns[i].width;
        if (columns[i].is_hidden)
            continue;
        length += (size_t)snprintf(line + length, sizeof line - length, "%s%*s", length ? " " : "",
                                   columns[i].is_left ? -width : width, cells[i]);
    }
    line[length] = '\0';
    put_line(show, line, is_heading);
}

void hak_show_headings(struct hak_show *show, struct hak_show_column *columns, unsigned count) {
    hak_show_cells cells;
    for (unsigned i = 2; i < count && i - 2 < show->skip && i + 1 < count; i++)
        columns[i].is_hidden = true;
    fit(columns, count, show->columns);
    for (unsigned i = 0; i < count; i++)
        snprintf(cells[i], HAK_SHOW_CELL, "%s", columns[i].heading);
    put_cells(show, columns, count, cells, true);
    show->fixed = show->line_count;
}

void hak_show_row(struct hak_show *show, const struct hak_show_column *columns, unsigned count,
                  hak_show_cells cells) {
    put_cells(show, columns, count, cells, false);
}

void hak_show_put_count(char cell[HAK_SHOW_CELL], unsigned width, uint64_t count) {
    static const char units[] = "kMGTPE";
    int length = snprintf(cell, HAK_SHOW_CELL, "%" PRIu64, count);
    for (unsigned i = 0; units[i] && length > (int)width; i++) {
        count /= 1000;
        length = snprintf(cell, HAK_SHOW_CELL, "%" PRIu64 "%c", count, units[i]);
    }
}

/* At most eight characters: 1023 MiB. */
void hak_show_put_size(char cell[HAK_SHOW_CELL], uint64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    unsigned unit = 0;
    while (value >= 1023.5 && unit < 6) {
        value /= 1024;
        unit++;
    }
    snprintf(cell, HAK_SHOW_CELL, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value,
             units[unit]);
}

void hak_show_put_duration(char text[HAK_SHOW_CELL], uint64_t seconds) {
    if (seconds < 600)
        snprintf(text, HAK_SHOW_CELL, "%" PRIu64 " s", seconds);
    else if (seconds < 600 * 60)
        snprintf(text, HAK_SHOW_CELL, "%" PRIu64 " min", seconds / 60);
    else if (seconds < 100 * 3600)
        snprintf(text, HAK_SHOW_CELL, "%" PRIu64 " h", seconds / 3600);
    else
        snprintf(text, HAK_SHOW_CELL, "%" PRIu64 " d", seconds / 86400);
}

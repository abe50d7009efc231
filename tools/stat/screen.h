/* SPDX-License-Identifier: MIT */
/*
 * The terminal of --watch: ncurses, or nothing. Its state is put back on every way out but SIGKILL.
 * Used by one thread, opened once.
 */
#ifndef HAK_TOOLS_STAT_SCREEN_H
#define HAK_TOOLS_STAT_SCREEN_H

#include "stat/show.h"

/* Keys that are no characters. */
enum hak_screen_key {
    HAK_KEY_NONE = 0,  /* the time is over */
    HAK_KEY_END = 256, /* a signal came */
    HAK_KEY_REDRAW,
    HAK_KEY_UP,
    HAK_KEY_DOWN,
    HAK_KEY_LEFT,
    HAK_KEY_RIGHT,
    HAK_KEY_PAGE_UP,
    HAK_KEY_PAGE_DOWN,
    HAK_KEY_HOME,
    HAK_KEY_LAST,
    HAK_KEY_ENTER,
    HAK_KEY_BACK
};

/* False: standard output is no terminal whose cursor can be moved, or built without ncurses. */
bool hak_screen_open(void);
void hak_screen_close(void);
unsigned hak_screen_columns(void);
unsigned hak_screen_rows(void);

/*
 * Draws the lines: show->fixed of them, then those from `first` after them on; `selected` of those
 * is marked, -1: none. The footer is the last line.
 */
void hak_screen_draw(const struct hak_show *show, unsigned first, int selected, const char *footer);

/* A key, or NONE after so many milliseconds. Without a terminal it waits for that, or a signal. */
int hak_screen_key(int timeout_ms);

/* Catches what ends --watch; also without a terminal. */
void hak_screen_catch(void);

/* True if text on standard output may be bold: a terminal that can, and NO_COLOR is not set. */
bool hak_screen_has_colour(void);

#endif

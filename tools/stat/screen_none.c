/* SPDX-License-Identifier: MIT */
/*
 * Stands in for the screen where the tools were built without ncurses: looks follow each other as
 * plain text.
 */
#include "common/complain.h"
#include "stat/screen.h"
#include "stat/screen_signals.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool hak_screen_open(void) {
    if (isatty(STDOUT_FILENO))
        hak_complain("--watch: built without ncurses: no keys, looks follow each other");
    return false;
}

void hak_screen_close(void) {}

unsigned hak_screen_columns(void) {
    return 0;
}

unsigned hak_screen_rows(void) {
    return 0;
}

void hak_screen_draw(const struct hak_show *show, unsigned first, int selected,
                     const char *footer) {
    (void)show, (void)first, (void)selected, (void)footer;
}

int hak_screen_key(int timeout_ms) {
    int key = hak_screen_signals_wait(-1, timeout_ms);
    return key == HAK_KEY_REDRAW ? HAK_KEY_NONE : key;
}

bool hak_screen_has_colour(void) {
    const char *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && terminal && *terminal &&
           strcmp(terminal, "dumb") != 0;
}

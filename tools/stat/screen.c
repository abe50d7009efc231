/* SPDX-License-Identifier: MIT */
/*
 * The calls of ncurses. It stops and continues with the shell's job control, and follows the
 * terminal's size, by itself.
 */
#define _GNU_SOURCE
#include "stat/screen.h"

#include "stat/screen_signals.h"

#include <curses.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

/* Capabilities by macros of these names are not asked for. */
#undef lines
#undef columns

#define ESCAPE 27
#define ESCAPE_MS 25 /* how long a terminal may take for the rest of a key's sequence */

static bool is_open;
static bool has_keys; /* standard input is a terminal that has not ended */
static bool is_plain; /* NO_COLOR */

/* Looks the terminal up; false: unknown, or none. */
static bool know_terminal(void) {
    static bool was_tried, is_known;
    int error;
    const char *name = getenv("TERM");
    if (!was_tried)
        is_known =
            isatty(STDOUT_FILENO) && name && *name && setupterm(NULL, STDOUT_FILENO, &error) == OK;
    was_tried = true;
    return is_known;
}

bool hak_screen_has_colour(void) {
    return know_terminal() && !getenv("NO_COLOR") && enter_bold_mode && exit_attribute_mode;
}

bool hak_screen_open(void) {
    if (!know_terminal() || !cursor_address || !newterm(NULL, stdout, stdin))
        return false;
    is_open = true;
    has_keys = isatty(STDIN_FILENO);
    is_plain = getenv("NO_COLOR") != NULL;
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
    curs_set(0);
    return true;
}

void hak_screen_close(void) {
    if (is_open)
        endwin();
    is_open = false;
}

unsigned hak_screen_columns(void) {
    return COLS > 0 ? (unsigned)COLS : 1;
}

unsigned hak_screen_rows(void) {
    return LINES > 0 ? (unsigned)LINES : 1;
}

static void draw_line(unsigned row, const struct hak_show_text *line, bool is_selected) {
    attr_t look =
        (line->is_heading && !is_plain ? A_BOLD : A_NORMAL) | (is_selected ? A_REVERSE : A_NORMAL);
    attron(look);
    mvaddnstr((int)row, 0, line->text, COLS);
    attroff(look);
}

void hak_screen_draw(const struct hak_show *show, unsigned first, int selected,
                     const char *footer) {
    unsigned rows = hak_screen_rows(), row = 0;
    erase();
    for (; row < show->fixed && row + 1 < rows; row++)
        draw_line(row, &show->lines[row], false);
    for (unsigned i = show->fixed + first; i < show->line_count && row + 1 < rows; i++, row++)
        draw_line(row, &show->lines[i], (int)(i - show->fixed) == selected);
    mvaddnstr((int)rows - 1, 0, footer, COLS - 1);
    refresh();
}

static int translate(int key) {
    switch (key) {
    case KEY_UP:
        return HAK_KEY_UP;
    case KEY_DOWN:
        return HAK_KEY_DOWN;
    case KEY_LEFT:
        return HAK_KEY_LEFT;
    case KEY_RIGHT:
        return HAK_KEY_RIGHT;
    case KEY_PPAGE:
        return HAK_KEY_PAGE_UP;
    case KEY_NPAGE:
    case ' ':
        return HAK_KEY_PAGE_DOWN;
    case KEY_HOME:
        return HAK_KEY_HOME;
    case KEY_END:
        return HAK_KEY_LAST;
    case KEY_ENTER:
    case '\r':
    case '\n':
        return HAK_KEY_ENTER;
    case KEY_BACKSPACE:
    case '\b':
    case '\177':
    case ESCAPE:
        return HAK_KEY_BACK;
    default:
        return key > 0 && key < 256 ? key : HAK_KEY_REDRAW;
    }
}

int hak_screen_key(int timeout_ms) {
    if (!is_open) {
        int woken = hak_screen_signals_wait(-1, timeout_ms);
        return woken == HAK_KEY_REDRAW ? HAK_KEY_NONE : woken;
    }
    int key = has_keys ? getch() : ERR; /* ncurses may hold one that poll does not see */
    if (key != ERR)
        return translate(key);
    int woken = hak_screen_signals_wait(has_keys ? STDIN_FILENO : -1, timeout_ms);
    if (woken != HAK_KEY_REDRAW)
        return woken;
    key = getch(); /* also tells that the size changed */
    if (key != ERR)
        return translate(key);
    if (has_keys && hak_screen_signals_wait(STDIN_FILENO, 0) == HAK_KEY_REDRAW)
        has_keys = false; /* the input's end: nothing comes, and it stays ready */
    return HAK_KEY_REDRAW;
}

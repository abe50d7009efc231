/* SPDX-License-Identifier: MIT */
/*
 * Owns --watch: a screen drawn anew at each look, keys, and the terminal's state, which is put back
 * on every way out but SIGKILL. Without a terminal the looks follow each other as plain text.
 */
#define _GNU_SOURCE
#include "stat/show.h"
#include "stat/target.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ENTER_SCREEN "\033[?1049h\033[?25l"
#define LEAVE_SCREEN "\033[?25h\033[?1049l"

#define FULL_LINES 28u /* in a lower terminal the process has two lines, and the table the rest */

enum part { PART_THREADS, PART_CLASSES, PART_WASTE, PART_HELP };

static struct termios saved_terminal;
static bool has_terminal;                  /* standard output is one */
static bool has_keys;                      /* standard input is one, and in our mode */
static volatile sig_atomic_t was_told_end; /* a signal came */
static volatile sig_atomic_t was_resized;

static void on_signal(int number) {
    if (number == SIGWINCH)
        was_resized = 1;
    else
        was_told_end = 1;
}

static void open_terminal(void) {
    struct termios mode;
    struct sigaction action = {.sa_handler = on_signal};
    has_terminal = isatty(STDOUT_FILENO);
    has_keys = has_terminal && tcgetattr(STDIN_FILENO, &saved_terminal) == 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGWINCH, &action, NULL);
    if (has_keys) {
        mode = saved_terminal;
        mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        mode.c_cc[VMIN] = 0;
        mode.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &mode);
    }
    if (has_terminal)
        fputs(ENTER_SCREEN, stdout);
}

static void close_terminal(void) {
    if (has_terminal)
        fputs(LEAVE_SCREEN, stdout);
    fflush(stdout);
    if (has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved_terminal);
}

static void show_help(struct hak_show *look) {
    static const char *const keys[] = {
        "q  end",
        "t  threads",
        "c  size classes",
        "f  size classes by wasted memory",
        "s  next order of threads",
        "i  order by TID      n  by name      a  by bytes allocated",
        "e  order by freed    m  by cached    b  by slabs    r  by rate",
        "+  look twice as often    -  half as often",
        "h  this help",
    };
    hak_show_heading(look, "Keys");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        hak_show_line(look, "  %s", keys[i]);
}

static void draw(const struct hak_snapshot *now, const struct hak_snapshot *before,
                 const struct hak_stat_options *options, enum part part) {
    struct winsize size = {0};
    struct hak_show look = {.out = stdout, .sort = options->sort, .before = before};
    if (has_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        look.columns = size.ws_col;
        look.lines = size.ws_row > 1 ? size.ws_row - 1u : 1u;
        look.has_colour = !getenv("NO_COLOR");
        fputs("\033[H\033[J", stdout);
    }
    if (look.lines && (look.lines < FULL_LINES || part == PART_HELP))
        hak_show_process_briefly(&look, now);
    else
        hak_show_process(&look, now);
    hak_show_line(&look, " ");
    if (part == PART_HELP)
        show_help(&look);
    else if (part == PART_WASTE)
        hak_show_waste(&look, now);
    else if (part == PART_CLASSES)
        hak_show_classes(&look, now);
    else
        hak_show_threads(&look, now);
    if (has_terminal) {
        char footer[128];
        snprintf(footer, sizeof footer, "order: %s, every %.3g s; h: keys, q: end",
                 hak_sort_names[options->sort], options->interval_s);
        printf("%.*s", size.ws_col ? (int)size.ws_col - 1 : 79, footer);
    }
    fflush(stdout);
}

/* False: end. */
static bool obey(char key, struct hak_stat_options *options, enum part *part) {
    static const char sort_keys[] = "inaembr";
    static const char part_keys[] = "tcfh";
    const char *found = strchr(sort_keys, key);
    if (key && found)
        options->sort = (enum hak_sort_key)(found - sort_keys);
    found = strchr(part_keys, key);
    if (key && found)
        *part = (enum part)(found - part_keys);
    if (key == 's')
        options->sort = (enum hak_sort_key)((options->sort + 1) % HAK_SORT_KEYS);
    if (key == '+' && options->interval_s > 0.1)
        options->interval_s /= 2;
    if (key == '-' && options->interval_s < 3600)
        options->interval_s *= 2;
    return key != 'q';
}

enum wait_end { WAIT_OVER, WAIT_REDRAW, WAIT_QUIT };

static enum wait_end wait_for_key(struct hak_stat_options *options, enum part *part) {
    struct pollfd keys = {.fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN};
    int ready = poll(&keys, 1, (int)(options->interval_s * 1000));
    char key = 0;
    if (was_told_end)
        return WAIT_QUIT;
    if (was_resized || ready < 0) {
        was_resized = 0;
        return WAIT_REDRAW;
    }
    if (ready == 0)
        return WAIT_OVER;
    if (read(STDIN_FILENO, &key, 1) != 1) {
        has_keys = false; /* the input's end: no key will come */
        return WAIT_REDRAW;
    }
    return obey(key, options, part) ? WAIT_REDRAW : WAIT_QUIT;
}

/* A key redraws what is known; only the end of the interval looks again. */
static enum wait_end show_until(const struct hak_snapshot *now, const struct hak_snapshot *before,
                                struct hak_stat_options *options, enum part *part) {
    enum wait_end end = WAIT_REDRAW;
    while (end == WAIT_REDRAW) {
        draw(now, before, options, *part);
        end = options->count == 1 ? WAIT_QUIT : wait_for_key(options, part);
        if (!has_terminal && end == WAIT_REDRAW)
            end = WAIT_OVER;
    }
    return end;
}

int hak_show_watch(pid_t pid, const struct hak_stat_options *given) {
    struct hak_stat_options options = *given;
    struct hak_snapshot snapshots[2];
    enum part part = PART_THREADS;
    bool has_before = false;
    unsigned turn = 0;
    char name[24];
    snprintf(name, sizeof name, "%ld", (long)pid);
    enum hak_stat_error error = hak_snapshot_take(&snapshots[0], pid);
    if (error != HAK_STAT_OK)
        return hak_target_complain(name, error);
    open_terminal();
    for (;;) {
        const struct hak_snapshot *before = has_before ? &snapshots[1 - turn] : NULL;
        if (show_until(&snapshots[turn], before, &options, &part) == WAIT_QUIT)
            break;
        if (has_before)
            hak_snapshot_free(&snapshots[1 - turn]);
        has_before = true;
        turn = 1 - turn;
        error = hak_snapshot_take(&snapshots[turn], pid);
        if (error != HAK_STAT_OK)
            break;
        hak_snapshot_carry(&snapshots[turn], &snapshots[1 - turn]);
        if (options.count)
            options.count--;
    }
    close_terminal();
    for (unsigned i = 0; i < 2; i++)
        if (i == turn ? error == HAK_STAT_OK : has_before)
            hak_snapshot_free(&snapshots[i]);
    return error == HAK_STAT_OK ? 0 : hak_target_complain(name, error);
}

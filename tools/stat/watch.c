/* SPDX-License-Identifier: MIT */
/*
 * The state of --watch: which page is shown, from which row on, and the last two looks, of which
 * rates are made. A key changes the page and draws it again; only the end of the interval looks
 * again. Without a terminal the looks follow each other as plain text.
 */
#define _GNU_SOURCE
#include "stat/watch.h"

#include "stat/list.h"
#include "stat/screen.h"
#include "stat/target.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FULL_LINES 30u   /* in a lower terminal the process has two lines, and the table the rest */
#define COLUMNS_MOST 10u /* of any table */

enum page { PAGE_THREADS, PAGE_CLASSES, PAGE_WASTE, PAGE_HELP, PAGE_LIST };

struct watch {
    struct hak_stat_options options;
    struct hak_pids *pids;
    bool has_list; /* several processes: there is a list to go back to */
    bool has_screen;
    enum page page, page_before_help;
    enum hak_sort_key list_sort;
    pid_t pid;      /* of the process shown, or selected in the list */
    unsigned first; /* row at the top of what scrolls */
    unsigned skip;  /* columns scrolled out to the left */
    unsigned rows;  /* as drawn last: of the table, */
    unsigned room;  /* and of the screen for them */
    struct hak_snapshot now, before;
    bool has_now, has_before;
    struct hak_list list, old_list;
};

/* ---- drawing ---- */

static void show_help(struct hak_show *show) {
    static const char *const keys[] = {
        /* at most 39 columns and 11 lines */
        "q end, Esc back to the list",
        "t threads, c size classes",
        "f size classes by wasted memory",
        "arrows, Page Up/Down, Home, End scroll",
        "Enter opens the selected process",
        "s takes the next order",
        "  of threads: i TID, n name, b slabs,",
        "    a allocated e freed m cached r rate",
        "  of processes: i PID, n name, w waste,",
        "    m resident a live e threads r trend",
        "+ look twice as often, - half as often",
        "h this help",
    };
    hak_show_heading(show, "Keys");
    show->fixed = show->line_count;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        hak_show_line(show, "%s", keys[i]);
}

static void show_one(const struct watch *watch, struct hak_show *show) {
    unsigned rows = watch->has_screen ? hak_screen_rows() : 0;
    if (watch->has_before)
        show->before = &watch->before;
    if (rows && (rows < FULL_LINES || watch->page == PAGE_HELP))
        hak_show_process_briefly(show, &watch->now);
    else
        hak_show_process(show, &watch->now);
    if (rows == 0 || rows >= FULL_LINES / 2)
        hak_show_line(show, "%s", "");
    if (watch->page == PAGE_WASTE)
        hak_show_waste(show, &watch->now);
    else if (watch->page == PAGE_CLASSES)
        hak_show_classes(show, &watch->now);
    else
        hak_show_threads(show, &watch->now);
}

static void show_list(struct watch *watch, struct hak_show *show) {
    struct hak_show_phrases title = {.count = 0};
    hak_show_add(&title, "%u process%s on libhakmem", watch->list.count,
                 watch->list.count == 1 ? "" : "es");
    hak_show_phrases(show, &title, true);
    hak_list_sort(&watch->list, watch->list_sort);
    hak_list_show(show, &watch->list);
}

static int selected_row(const struct watch *watch) {
    if (watch->page != PAGE_LIST)
        return -1;
    for (unsigned i = 0; i < watch->list.count; i++)
        if (watch->list.row[i].pid == watch->pid)
            return (int)i;
    return -1;
}

/* What scrolls stays on the screen, and so does what is selected. */
static void bound(struct watch *watch, int selected) {
    unsigned last = watch->rows > watch->room ? watch->rows - watch->room : 0;
    if (selected >= 0 && (unsigned)selected < watch->first)
        watch->first = (unsigned)selected;
    if (selected >= 0 && (unsigned)selected >= watch->first + watch->room)
        watch->first = (unsigned)selected - watch->room + 1;
    if (watch->first > last)
        watch->first = last;
}

/* Phrases, as many as fit; the last column stays empty, or some terminals scroll. */
static void put_footer(const struct watch *watch, char *text, size_t capacity) {
    unsigned shown = watch->first + watch->room;
    enum hak_sort_key sort = watch->page == PAGE_LIST ? watch->list_sort : watch->options.sort;
    char phrases[4][64];
    size_t length = 0;
    snprintf(phrases[0], sizeof phrases[0], "order: %s, every %.3g s", hak_stat_options_sorts[sort],
             watch->options.interval_s);
    snprintf(phrases[1], sizeof phrases[1], "; h: help");
    snprintf(phrases[2], sizeof phrases[2], ", q: end");
    snprintf(phrases[3], sizeof phrases[3], "; %u-%u of %u", watch->rows ? watch->first + 1 : 0,
             shown < watch->rows ? shown : watch->rows, watch->rows);
    *text = '\0';
    for (unsigned i = 0; i < 4 && length + strlen(phrases[i]) < hak_screen_columns(); i++)
        length += (size_t)snprintf(text + length, capacity - length, "%s", phrases[i]);
}

static void draw(struct watch *watch) {
    struct hak_show show = {
        .out = watch->has_screen ? NULL : stdout, .sort = watch->options.sort, .skip = watch->skip};
    char footer[160];
    if (watch->has_screen)
        show.columns = hak_screen_columns();
    if (watch->page == PAGE_HELP)
        show_help(&show);
    else if (watch->page == PAGE_LIST)
        show_list(watch, &show);
    else
        show_one(watch, &show);
    if (watch->has_screen) {
        unsigned rows = hak_screen_rows();
        int selected = selected_row(watch);
        watch->rows = show.line_count - show.fixed;
        watch->room = rows > show.fixed + 1 ? rows - show.fixed - 1 : 1;
        bound(watch, selected);
        put_footer(watch, footer, sizeof footer);
        hak_screen_draw(&show, watch->first, selected, footer);
    }
    hak_show_clear(&show);
    fflush(stdout);
}

/* ---- keys ---- */

static void turn_to(struct watch *watch, enum page page) {
    if (page == PAGE_HELP && watch->page != PAGE_HELP)
        watch->page_before_help = watch->page;
    watch->page = page;
    watch->first = watch->skip = 0;
}

static void select_row(struct watch *watch, long row) {
    long last = (long)watch->list.count - 1;
    row = row > last ? last : row;
    if (last >= 0)
        watch->pid = watch->list.row[row < 0 ? 0 : row].pid;
}

static void scroll(struct watch *watch, long by) {
    if (watch->page == PAGE_LIST)
        select_row(watch, selected_row(watch) + by);
    else if (by < 0 && watch->first < (unsigned long)-by)
        watch->first = 0;
    else
        watch->first = (unsigned)((long)watch->first + by); /* drawing bounds it */
}

static void scroll_by_key(struct watch *watch, int key) {
    long page = watch->room > 1 ? (long)watch->room - 1 : 1;
    switch (key) {
    case HAK_KEY_UP:
    case 'k':
        scroll(watch, -1);
        break;
    case HAK_KEY_DOWN:
    case 'j':
        scroll(watch, 1);
        break;
    case HAK_KEY_PAGE_UP:
        scroll(watch, -page);
        break;
    case HAK_KEY_PAGE_DOWN:
        scroll(watch, page);
        break;
    case HAK_KEY_HOME:
    case 'g':
        scroll(watch, -(long)watch->rows);
        break;
    case HAK_KEY_LAST:
    case 'G':
        scroll(watch, watch->rows);
        break;
    case HAK_KEY_LEFT:
        watch->skip -= watch->skip > 0;
        break;
    case HAK_KEY_RIGHT:
        watch->skip += watch->skip < COLUMNS_MOST;
        break;
    default:
        break;
    }
}

static void sort_by_key(struct watch *watch, int key) {
    static const char thread_keys[] = "inaembr", list_keys[] = "inmawer";
    static const enum hak_sort_key list_sorts[] = {HAK_SORT_PID,  HAK_SORT_NAME,  HAK_SORT_RESIDENT,
                                                   HAK_SORT_LIVE, HAK_SORT_WASTE, HAK_SORT_THREADS,
                                                   HAK_SORT_TREND};
    bool is_list = watch->page == PAGE_LIST;
    const char *found =
        key > 0 && key < 128 ? strchr(is_list ? list_keys : thread_keys, key) : NULL;
    if (found && is_list)
        watch->list_sort = list_sorts[found - list_keys];
    else if (found)
        watch->options.sort = (enum hak_sort_key)(found - thread_keys);
    if (key == 's' && is_list)
        watch->list_sort = hak_stat_options_next_sort(watch->list_sort, true);
    else if (key == 's')
        watch->options.sort = hak_stat_options_next_sort(watch->options.sort, false);
}

static void forget(struct watch *watch) {
    if (watch->has_now)
        hak_snapshot_free(&watch->now);
    if (watch->has_before)
        hak_snapshot_free(&watch->before);
    watch->has_now = watch->has_before = false;
}

static void go_back(struct watch *watch) {
    if (watch->page == PAGE_HELP)
        turn_to(watch, watch->page_before_help);
    else if (watch->has_list)
        turn_to(watch, PAGE_LIST);
}

/* False: end. */
static bool obey(struct watch *watch, int key) {
    static const char page_keys[] = "tcfh";
    const char *found = key > 0 && key < 128 ? strchr(page_keys, key) : NULL;
    if (found && (watch->page != PAGE_LIST || key == 'h') &&
        (watch->page != PAGE_HELP || watch->page_before_help != PAGE_LIST))
        turn_to(watch, (enum page)(found - page_keys));
    if (key == HAK_KEY_ENTER && watch->page == PAGE_LIST) {
        forget(watch);
        turn_to(watch, PAGE_THREADS);
    }
    if (key == HAK_KEY_BACK)
        go_back(watch);
    if (key == '+' && watch->options.interval_s > 0.1)
        watch->options.interval_s /= 2;
    if (key == '-' && watch->options.interval_s < 3600)
        watch->options.interval_s *= 2;
    scroll_by_key(watch, key);
    sort_by_key(watch, key);
    return key != 'q' && key != HAK_KEY_END;
}

/* ---- looks ---- */

static enum hak_stat_error look_at_one(struct watch *watch) {
    struct hak_snapshot fresh;
    enum hak_stat_error error = hak_snapshot_take(&fresh, watch->pid);
    if (error != HAK_STAT_OK)
        return error;
    if (watch->has_before)
        hak_snapshot_free(&watch->before);
    watch->has_before = watch->has_now;
    watch->before = watch->now;
    watch->now = fresh;
    watch->has_now = true;
    if (watch->has_before)
        hak_snapshot_carry(&watch->now, &watch->before);
    return HAK_STAT_OK;
}

static void look_at_all(struct watch *watch) {
    if (watch->options.is_all) {
        hak_pids_free(watch->pids);
        hak_pids_add_all(watch->pids);
    }
    hak_list_free(&watch->old_list);
    watch->old_list = watch->list;
    hak_list_take(&watch->list, watch->pids, watch->old_list.row ? &watch->old_list : NULL);
    if (selected_row(watch) < 0) {
        hak_list_sort(&watch->list, watch->list_sort);
        select_row(watch, 0);
    }
}

/* A process that was opened out of the list and has ended leads back to it. */
static enum hak_stat_error look(struct watch *watch) {
    enum page page = watch->page == PAGE_HELP ? watch->page_before_help : watch->page;
    if (page != PAGE_LIST) {
        enum hak_stat_error error = look_at_one(watch);
        if (error == HAK_STAT_OK || !watch->has_list)
            return error;
        turn_to(watch, PAGE_LIST);
    }
    look_at_all(watch);
    return HAK_STAT_OK;
}

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Draws, and obeys keys until it is time for the next look. False: end. */
static bool show_until(struct watch *watch) {
    long begun = now_ms();
    for (;;) {
        draw(watch);
        if (watch->options.count == 1)
            return false;
        long left = begun + (long)(watch->options.interval_s * 1000) - now_ms();
        int key = hak_screen_key(left > 0 ? (int)left : 0);
        if (key == HAK_KEY_NONE || key == HAK_KEY_ENTER)
            return obey(watch, key);
        if (!obey(watch, key))
            return false;
        if (watch->page == PAGE_LIST && !watch->list.row)
            return true;
    }
}

int hak_watch(struct hak_pids *pids, const struct hak_stat_options *options) {
    static struct watch watch;
    char name[24];
    watch.options = *options;
    watch.pids = pids;
    watch.has_list = options->is_all || pids->count > 1;
    watch.page = watch.has_list ? PAGE_LIST : PAGE_THREADS;
    bool sorts_list = options->sort >= HAK_SORT_PID || options->sort == HAK_SORT_NAME;
    watch.list_sort = sorts_list ? options->sort : HAK_SORT_RESIDENT;
    watch.options.sort = options->sort >= HAK_SORT_PID ? HAK_SORT_TID : options->sort;
    watch.pid = pids->count ? pids->pid[0] : 0;
    snprintf(name, sizeof name, "%ld", (long)watch.pid);
    enum hak_stat_error error = look(&watch);
    if (error != HAK_STAT_OK)
        return hak_target_complain(name, error);
    hak_screen_catch();
    watch.has_screen = hak_screen_open();
    while (show_until(&watch) && error == HAK_STAT_OK) {
        error = look(&watch);
        if (error != HAK_STAT_OK)
            break;
        if (watch.options.count)
            watch.options.count--;
    }
    hak_screen_close();
    forget(&watch);
    hak_list_free(&watch.list);
    hak_list_free(&watch.old_list);
    return error == HAK_STAT_OK ? 0 : hak_target_complain(name, error);
}

/* SPDX-License-Identifier: MIT */
/*
 * --watch: one process, or a table of several out of which one can be opened. Called once.
 */
#ifndef HAK_TOOLS_STAT_WATCH_H
#define HAK_TOOLS_STAT_WATCH_H

#include "stat/pids.h"
#include "stat/stat_options.h"

/*
 * Runs until q, a signal, the last look or the end of the one process; an exit status. `pids` is
 * looked for anew at each look if all processes are meant.
 */
int hak_watch(struct hak_pids *pids, const struct hak_stat_options *options);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns --list-knobs: the table of knobs with the values that hak_conf has now. Call it after
 * hak_conf_read; used once, by one thread.
 */
#ifndef HAK_TOOLS_RUN_KNOB_LIST_H
#define HAK_TOOLS_RUN_KNOB_LIST_H

#include "run/run_options.h"

#define HAK_KNOBS_SCHEMA "hakmem-knobs-1"

/* Says for each knob which of the settings, the environment or the table it has its value from. */
void hak_knob_list(const struct hak_run_options *options);

#endif

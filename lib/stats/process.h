/* SPDX-License-Identifier: MIT */
/*
 * Owns the process's counters: one instance, written under the heap lock of the heap layer.
 */
#ifndef HAK_STATS_PROCESS_H
#define HAK_STATS_PROCESS_H

#include "stats/stats.h"

extern struct hak_process_counters hak_process_counters;

#endif

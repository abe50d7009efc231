/* SPDX-License-Identifier: MIT */
/*
 * Owns the storage of the process's counters. Written under the heap lock of the heap layer, read
 * by anyone.
 */
#include "stats/process.h"

struct hak_process_counters hak_process_counters;

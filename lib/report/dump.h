/* SPDX-License-Identifier: MIT */
/*
 * Owns the text form of the figures and counters and where it goes: standard error for
 * malloc_stats, a descriptor for hakmem_stats_write, the knob stats_file's file at exit. Without
 * stdio, allocates nothing. Stateless; any thread may call.
 */
#ifndef HAK_REPORT_DUMP_H
#define HAK_REPORT_DUMP_H

/* A line `name value unit` each; 0, or an errno value. */
int hak_dump_write(int descriptor);

/* The same with `hakmem: ` in front, to standard error. */
void hak_dump_log(void);

/* What the knob stats_file asks for. */
void hak_dump_at_exit(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the answers to libc's statistics calls, computed from the counters of all heaps. Any thread
 * may call; the sums are exact when no thread allocates meanwhile.
 */
#ifndef HAK_REPORT_REPORT_H
#define HAK_REPORT_REPORT_H

#include "base/mallinfo.h"

#include <stdio.h>

/* glibc's meanings: arena: bytes of slabs and free dirty runs; hblkhd: bytes of large blocks;
 * uordblks: bytes of live blocks in slabs; keepcost: bytes that malloc_trim would give back. */
struct mallinfo2 hak_report_mallinfo(void);
struct mallinfo hak_report_mallinfo_int(void); /* cut to INT_MAX */

/* 1: accepted, 0: unknown parameter or bad value. M_TRIM_THRESHOLD sets the knob dirty_min. */
int hak_report_mallopt(int parameter, int value);

/* Writes XML to the caller's stream; 0, or -1 when the stream fails. */
int hak_report_xml(FILE *stream);

#endif

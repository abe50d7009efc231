/* SPDX-License-Identifier: MIT */
/*
 * What a tool prints because it was asked to: on standard output, wrapped to 80 columns. Used by
 * one thread.
 */
#ifndef HAK_TOOLS_COMMON_OUTPUT_H
#define HAK_TOOLS_COMMON_OUTPUT_H

#include <stdint.h>

#define HAK_OUTPUT_COLUMNS 79

/* Prints text wrapped between `indent` and the last column; the cursor is at `column`. */
void hak_output_wrap(const char *text, int indent, int column);

/* Writes standard output out; 0, or -1 with a complaint when it could not be written. */
int hak_output_finish(void);

/* 1536 is "1.5 KiB"; the text is in one of a few static buffers, good for one line. */
const char *hak_output_size(uint64_t bytes);

#endif

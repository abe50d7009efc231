/* SPDX-License-Identifier: MIT */
/*
 * Owns what a tool says to people: a complaint is one line on standard error with the tool's name
 * in front; wanted output goes to standard output, wrapped to 80 columns. One thread only.
 */
#ifndef HAK_TOOLS_MESSAGE_H
#define HAK_TOOLS_MESSAGE_H

#include <stdio.h>

#define HAK_TOOL_COLUMNS 79

/* Each tool says its own name. */
extern const char hak_tool_name[];

/* One line, the tool's name in front; characters that would break the line are shown as `?`. */
__attribute__((format(printf, 1, 2))) void hak_complain(const char *format, ...);

/* Prints text wrapped between `indent` and the last column; the cursor is at `column`. */
void hak_print_wrapped(const char *text, int indent, int column);

/* Writes standard output out; 0, or -1 with a complaint when it could not be written. */
int hak_finish_output(void);

#endif

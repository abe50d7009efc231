/* SPDX-License-Identifier: MIT */
/*
 * Complaints: one line on standard error with the tool's name in front. Used by one thread.
 */
#ifndef HAK_TOOLS_COMMON_COMPLAIN_H
#define HAK_TOOLS_COMMON_COMPLAIN_H

/* Each tool says its own name. */
extern const char hak_tool_name[];

/* One line, the tool's name in front; characters that would break the line are shown as `?`. */
__attribute__((format(printf, 1, 2))) void hak_complain(const char *format, ...);

#endif

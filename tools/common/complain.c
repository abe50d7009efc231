/* SPDX-License-Identifier: MIT */
/*
 * Owns the one way a tool complains. Used by one thread.
 */
#include "common/complain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void hak_complain(const char *format, ...) {
    char line[1024];
    size_t start = (size_t)snprintf(line, sizeof line, "%s: ", hak_tool_name);
    size_t room = sizeof line - start - 1;
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(line + start, room, format, arguments);
    va_end(arguments);
    if (wanted < 0)
        return;
    size_t length = start + ((size_t)wanted < room ? (size_t)wanted : room - 1);
    for (size_t i = start; i < length; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == '\x7f')
            line[i] = '?';
    }
    line[length] = '\n';
    ssize_t written = write(STDERR_FILENO, line, length + 1);
    (void)written; /* nobody is left to be told */
}

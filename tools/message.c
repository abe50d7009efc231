/* SPDX-License-Identifier: MIT */
/*
 * Owns the two ways a tool speaks. Used by one thread.
 */
#include "message.h"

#include <errno.h>
#include <stdarg.h>
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

void hak_print_wrapped(const char *text, int indent, int column) {
    if (column > 0 && column > indent - 2) {
        putchar('\n');
        column = 0;
    }
    while (*text) {
        int word = (int)strcspn(text, " ");
        if (column > indent && column + 1 + word > HAK_TOOL_COLUMNS) {
            putchar('\n');
            column = 0;
        }
        if (column < indent)
            column += printf("%*s", indent - column, "");
        else if (column > indent)
            column += printf(" ");
        column += printf("%.*s", word, text);
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

int hak_finish_output(void) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    hak_complain("cannot write to standard output: %s", strerror(errno));
    return -1;
}

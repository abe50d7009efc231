/* SPDX-License-Identifier: MIT */
/*
 * The layout of wanted output. No state but the buffers of hak_output_size.
 */
#include "common/output.h"

#include "common/complain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void hak_output_wrap(const char *text, int indent, int column) {
    if (column > 0 && column > indent - 2) {
        putchar('\n');
        column = 0;
    }
    while (*text) {
        int word = (int)strcspn(text, " ");
        if (column > indent && column + 1 + word > HAK_OUTPUT_COLUMNS) {
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

int hak_output_finish(void) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    hak_complain("cannot write to standard output: %s", strerror(errno));
    return -1;
}

const char *hak_output_size(uint64_t bytes) {
    static char texts[12][24];
    static unsigned next;
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    char *text = texts[next++ % 12];
    double value = (double)bytes;
    unsigned unit = 0;
    while (value >= 1024 && unit < 6) {
        value /= 1024;
        unit++;
    }
    snprintf(text, sizeof texts[0], unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

# SPDX-License-Identifier: MIT
# Writes a long C file: many functions with loops, switches and structures, for the row gcc.
BEGIN {
    print "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>"
    for (i = 0; i < 450; i++) {
        printf "struct s%d { int a, b[%d]; double c; struct s%d *next; };\n", i, i % 17 + 1, i
        printf "static int f%d(struct s%d *list, const char *text, unsigned n) {\n", i, i
        print "    int sum = 0;"
        printf "    for (struct s%d *at = list; at != NULL; at = at->next) {\n", i
        printf "        for (int j = 0; j < %d; j++)\n", i % 17 + 1
        printf "            sum += at->b[j] * (at->a ^ %d) + (int)at->c;\n", i * 7
        print "        switch (text[n % 8]) {"
        for (j = 0; j < 12; j++)
            printf "        case %d: sum = sum * %d + (int)strlen(text) - %d; break;\n",
                   j + 65, i + j, j * i
        print "        default: sum -= (int)n;\n        }\n    }"
        if (i > 0)
            printf "    if (n > %d) sum += f%d(NULL, text + 1, n / 2);\n", i, i - 1
        print "    return sum;\n}"
    }
    print "int main(int argc, char **argv) { return f449(NULL, argv[0], (unsigned)argc) & 1; }"
}

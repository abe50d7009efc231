# SPDX-License-Identifier: MIT
# Prints a C file of the given number of functions, full of branches, loops, switches and tables.
function random(n) {
    state = (state * 16807) % 2147483647
    return state % n
}
function expression(depth) {
    if (depth == 0)
        return random(2) ? "a" random(4) : random(1000) + 1
    return "(" expression(depth - 1) " " substr("+-*^&|", 1 + random(6), 1) " " \
        expression(depth - 1) ")"
}
BEGIN {
    state = 4711
    print "struct item { struct item *next; long key; double weight; char name[24]; };"
    print "static long table[64];"
    for (f = 0; f < functions; f++) {
        printf "long f%d(long a0, long a1, long a2, long a3, struct item *list)\n{\n", f
        printf "    static const int data[] = {"
        for (i = 0; i < 20; i++)
            printf "%d,", random(10000)
        print "};\n    long sum = " expression(3) ";"
        print "    for (struct item *i = list; i; i = i->next)"
        print "        if (i->key > " expression(2) ") sum += i->key * " random(90) ";"
        print "    double x = list ? list->weight : " random(100) ".5;"
        print "    switch (sum & 15) {"
        for (i = 0; i < 12; i++)
            printf "    case %d: sum ^= data[%d] + %s; x *= %d.25; break;\n", i, random(20), \
                expression(2), random(50)
        print "    default: table[sum & 63] += " expression(2) ";\n    }"
        if (f > 0)
            printf "    if (sum > %d) sum -= f%d(a1, a2, a3, a0, list);\n", random(99999), random(f)
        print "    return sum + (long)x;\n}"
    }
}

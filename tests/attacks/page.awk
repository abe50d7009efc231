# SPDX-License-Identifier: MIT
# Makes tests/attacks/README.md of what `run` prints: counts a kind, then every attack.
function row(first, cells) { print "| " first " |" cells }
# A table's head: a column a word of `first`, then a column an allocator.
function head(first,    count, word, text, under, i) {
    count = split(first, word, " ")
    for (i = 1; i <= count; i++) {
        text = text "| " word[i] " "
        under = under "| --- "
    }
    for (i = 5; i <= columns; i++) {
        text = text "| " name[i] " "
        under = under "| --- "
    }
    print text "|"
    print under "|"
}
NR == 1 {
    for (i = 5; i <= NF; i++)
        name[i] = $i
    columns = NF
    next
}
{
    if (!(($1) in total))
        kinds[++kind_count] = $1
    total[$1]++
    total["all"]++
    frees = $1 == "double-free" || $1 == "invalid-free"
    total["frees"] += frees
    for (i = 5; i <= NF; i++)
        if ($i != "succeeded") {
            stopped[$1, i]++
            stopped["all", i]++
            stopped["frees", i] += frees
        }
    lines[NR] = $0
}
function counts(kind,    text) {
    text = " " total[kind] " |"
    for (i = 5; i <= columns; i++)
        text = text " " stopped[kind, i] + 0 " |"
    return text
}
END {
    print "# Attacks on the heap, and what becomes of them"
    print ""
    print "Made by `tests/attacks/run page >tests/attacks/README.md`; not written by hand."
    print ""
    print "Each attack of `attacks.tab` is a process of its own. *reported*: the process was ended"
    print "with a message; *fault*: by the processor, because the memory was out of reach;"
    print "*harmless*: the effect did not come, for instance because the write met padding;"
    print "*succeeded*: a block of somebody else\047s was changed or read, malloc handed out what"
    print "it may not, or nobody noticed. `attacks.sh` holds ours to what the table records."
    print ""
    print "## Stopped, by kind"
    print ""
    head("kind attacks")
    for (k = 1; k <= kind_count; k++)
        row(kinds[k], counts(kinds[k]))
    row("**all**", counts("all"))
    print ""
    print "## Every attack"
    print ""
    head("kind size amount how")
    for (n = 2; n <= NR; n++) {
        count = split(lines[n], cell, " ")
        text = ""
        for (i = 2; i <= count; i++)
            text = text " " cell[i] " |"
        row(cell[1], text)
    }
}

# SPDX-License-Identifier: MIT
# Reads the call graphs that gcc writes for each file (-fcallgraph-info=su) and prints, for each
# function of `roots`, its name, the most bytes of stack that it and what it calls can use, and the
# calls that get there. A function that can reach itself is printed as a line "cycle: ...". What is
# called by pointer, and what libc's functions use, doesn't count.
function quoted(text, after,    from, rest) {
    from = index(text, after)
    if (!from)
        return ""
    rest = substr(text, from + length(after))
    return substr(rest, 1, index(rest, "\"") - 1)
}
/^node: / {
    name = quoted($0, "title: \"")
    if (match($0, /[0-9]+ bytes/))
        frame[name] = substr($0, RSTART, RLENGTH - 6) + 0
}
/^edge: / {
    from = quoted($0, "sourcename: \"")
    to = quoted($0, "targetname: \"")
    if (!((from, to) in seen)) {
        seen[from, to] = 1
        callee[from, ++callees[from]] = to
    }
}
# Bytes below a function's return address; way[] is the deepest chain.
function depth(name, path,    i, to, bytes, most) {
    if (name in known)
        return known[name]
    open[name] = 1
    most = 0
    way[name] = name
    for (i = 1; i <= callees[name]; i++) {
        to = callee[name, i]
        if (to in open) {
            print "cycle: " path " " name " " to
            continue
        }
        bytes = depth(to, path " " name)
        if (bytes > most) {
            most = bytes
            way[name] = name " " way[to]
        }
    }
    delete open[name]
    return known[name] = most + frame[name] + 8
}
END {
    count = split(roots, root, " ")
    for (i = 1; i <= count; i++)
        if (root[i] in frame)
            print root[i], depth(root[i], ""), way[root[i]]
    for (name in frame)
        depth(name, "")
}

#!/bin/sh
# SPDX-License-Identifier: MIT
# The folders of lib/ are layers, and so are those of tools/: an include points down only, no .c is
# included anywhere, every header compiles alone, and a header of tools/ predicts the names of what
# it declares.
# shellcheck disable=SC2016 # the dollars in quotes are awk's
set -eu
cd "${top_srcdir:?}"
bad=$(mktemp)
trap 'rm -f "$bad"' EXIT

# Prints FILE:LINE: COMPLAINT for each include that the rules forbid.
find lib tools -name '*.[ch]' -o -name '*.def' | LC_ALL=C sort | xargs "$AWK" '
BEGIN {
    n = split("base:base os:base,os conf:base,os,conf stats:base,os,stats" \
              " heap:base,os,conf,stats,heap report:base,os,conf,stats,heap,report" \
              " api:base,os,conf,stats,heap,report,api" \
                     " common:common" \
                     " run:base,os,conf,common,run compare:base,conf,common,run,compare" \
                     " stat:base,os,stats,common,stat profile:base,stats,common,stat,profile" \
                     " tools:base,os,conf,stats,common,run,compare,stat,profile", rows, " ")
    for (i = 1; i <= n; i++) {
        split(rows[i], row, ":")
        m = split(row[2], below, ",")
        for (j = 1; j <= m; j++)
            may[row[1], below[j]] = 1
        known[row[1]] = 1
    }
}
function complain(text) {
    print FILENAME ":" FNR ": " text
}
FNR == 1 {
    split(FILENAME, part, "/")
    layer = part[1] == "tools" && part[2] ~ /\./ ? "tools" : part[2]
    public = FILENAME == "lib/hakmem.h"
    if (!public && !(layer in known))
        complain("not in a layer: " layer)
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    target = quoted[2]
    if (target ~ /\.c$/)
        complain("includes a .c file: " target)
    if (target == "hakmem.h") {
        if (layer != "api")
            complain("the public header belongs to api/: " target)
        next
    }
    slash = index(target, "/")
    if (!slash) {
        complain("an include names its layer: " target)
        next
    }
    folder = substr(target, 1, slash - 1)
    if (public || !((layer, folder) in may))
        complain(layer " must not see " folder ": " target)
}
/^[ \t]*#[ \t]*include[ \t]*</ {
    split($0, bracketed, "[<>]")
    target = bracketed[2]
    split(target, folders, "/")
    if (target ~ /\.c$/)
        complain("includes a .c file")
    if (folders[1] in known || target ~ /^hakmem/)
        complain("a header of ours stands in quotes: " target)
    if (target == "stdio.h" && layer ~ /^(base|os|conf|stats|heap)$/)
        complain("stdio is for the stream of malloc_info alone")
}' >"$bad"

# tools/FOLDER/NAME.h declares hak_NAME and hak_NAME_*.
find tools -name '*.h' | LC_ALL=C sort | xargs "$AWK" '
FNR == 1 {
    name = FILENAME
    gsub(/.*\/|\.h$/, "", name)
}
/^[A-Za-z_].*[ *(]hak_[a-z_0-9]+\(/ {
    match($0, /hak_[a-z_0-9]+\(/)
    function_name = substr($0, RSTART, RLENGTH - 1)
    if (function_name "_" !~ "^hak_" name "_")
        print FILENAME ":" FNR ": " function_name " belongs into another header"
}' >>"$bad"

# A header that needs another one before it.
for header in $(find lib tools -name '*.h' | LC_ALL=C sort); do
    echo "#include \"$header\"" | $CC -std=gnu17 -I. -Ilib -Itools -Wall -Werror -fsyntax-only \
        -DHAK_VERSION='"0"' -xc - 2>>"$bad" || echo "$header: does not compile alone" >>"$bad"
done

cat "$bad"
[ ! -s "$bad" ]

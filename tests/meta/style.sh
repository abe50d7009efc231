#!/bin/sh
# SPDX-License-Identifier: MIT
# What can be counted of the style: lines and functions have a size, every file says its
# licence and what it owns, conditional compilation stays in base/ and os/, and every file of the
# library is in its list of sources and in the map of the house.
# shellcheck disable=SC2016 # the dollars in quotes are awk's
set -eu
cd "${top_srcdir:?}"
# Bytes, not characters: awks differ in what they take the others for.
LC_ALL=C
export LC_ALL
bad=$(mktemp)
trap 'rm -f "$bad"' EXIT

c_files() {
    find lib tools bench tests \( -name '*.[ch]' -o -name '*.def' -o -name '*.cc' \) | LC_ALL=C sort
}
all_files() {
    c_files
    find lib tools bench tests man .ci debian \( -name '*.sh' -o -name '*.inc' -o -name '*.map' \
        -o -name '*.awk' -o -path .ci/run -o -path 'bench/*.py' -o -path 'bench/macro/*' \) |
        LC_ALL=C sort
    printf '%s\n' configure.ac Makefile.am bootstrap bench/run bench/table bench/plot \
        bench/atomics bench/hotspots tests/attacks/run tests/fuzz/run debian/rules \
        debian/libhakmem0.prerm tests/programs/page \
        tests/kernels/init tests/kernels/run tests/releases/run
    find debian/tests -type f ! -name control ! -name '*.sh' | LC_ALL=C sort
}
library_and_tools() {
    c_files | grep '^\(lib\|tools\)/'
}

check_lines() {
    all_files | xargs "$AWK" '
    function complain(line, text) { print FILENAME ":" line ": " text }
    # Columns, not bytes: the bytes that continue a UTF-8 character have no width.
    function width(text) { gsub(/[\200-\277]/, "", text); return length(text) }
    FNR == 1 { licensed = 0 }
    FNR <= 2 && /SPDX-License-Identifier: MIT/ { licensed = 1 }
    FNR == 2 && !licensed { complain(1, "no SPDX line first") }
    width($0) > 100 { complain(FNR, "wider than 100 columns") }
    /[ \t]$/ { complain(FNR, "space at the end of the line") }
    /\t/ && FILENAME !~ /(\.am|\.inc|\.ac|\/rules)$/ { complain(FNR, "tab") }
    /(TO)DO|(FIX)ME|(^|[^A-Za-z])XX[X]([^X]|$)/ { complain(FNR, "unfinished: do it or drop it") }'
}

# A file begins with what it owns: a comment in the first lines after the licence.
check_openings() {
    c_files | xargs "$AWK" '
    function end_of_file() { if (last && !told) print last ": does not begin with what it owns" }
    FNR == 1 { end_of_file(); told = 0; last = FILENAME }
    FNR <= 4 && FNR > 1 && /^(\/\*|\/\/| \*) [^ ]/ { told = 1 }
    END { end_of_file() }'
}

# A function: from the last "{" that ends a line which began at the margin, or its continuation, to
# the closing brace at the margin.
check_functions() {
    c_files | grep -v '^tests/' | xargs "$AWK" '
    FNR == 1 { start = 0; head = 0 }
    /^[A-Za-z_]/ && /\(/ { head = FNR }
    /\{$/ && head && !start { start = head }
    /;$/ && !start { head = 0 }
    /^\}/ {
        if (start && FNR - start + 1 > 60)
            print FILENAME ":" start ": function of " FNR - start + 1 " lines, 60 are allowed"
        start = head = 0
    }'
}

# Conditional compilation: in base/ and os/, in the public header, and as include guards.
check_conditions() {
    library_and_tools | grep -v '^lib/\(base\|os\)/' | grep -v '^lib/hakmem.h$' | xargs "$AWK" '
    function complain(text) { print FILENAME ":" FNR ": " text }
    /^[ \t]*#[ \t]*(if|ifdef|elif)([ \t(]|$)/ { complain("#if outside base/ and os/") }
    /^[ \t]*#[ \t]*ifndef/ && FNR > 20 { complain("#ifndef is no include guard") }'
}

# Only os/ asks the system for anything, and api/ alone exports names.
check_boundaries() {
    library_and_tools | grep '^lib/' | grep -v '^lib/\(os\|api\|hakmem\)' | xargs "$AWK" '
    { code = $0; sub(/\/\*.*/, "", code); sub(/^ \*.*/, "", code); sub(/\/\/.*/, "", code) }
    code ~ /(^|[^a-z_])(mmap|munmap|mremap|madvise|mprotect|syscall|open|getenv|printf|write) *\(/ {
        print FILENAME ":" FNR ": a system call or libc outside os/: " $0
    }
    code ~ /HAK_EXPORT/ && FILENAME !~ /^lib\/base\// {
        print FILENAME ":" FNR ": api/ alone exports"
    }'
}

# The layout is that of the clang-format of Debian 12, and no variable is called class: clang-format
# takes that for C++.
check_layout() {
    c_files | grep '\.[ch]$' >"$bad.files"
    if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
        xargs clang-format --dry-run <"$bad.files" 2>&1 | grep 'warning: code should be' || :
    fi
    xargs "$AWK" '
    FNR == 1 { in_comment = 0 }
    { code = $0; sub(/\/\*.*/, "", code); sub(/^ \*.*/, "", code); sub(/\/\/.*/, "", code)
      gsub(/"[^"]*"/, "", code) }
    code ~ /(^|[^a-z_A-Z])class([^a-z_A-Z]|$)/ && !in_comment {
        print FILENAME ":" FNR ": a size class is called size_class: " $0
    }
    /\/\*/ { in_comment = 1 }
    /\*\// { in_comment = 0 }' <"$bad.files"
    rm -f "$bad.files"
}

check_lists() {
    find lib -name '*.[ch]' -o -name '*.def' | LC_ALL=C sort | while read -r file; do
        grep -q "%D%/${file#lib/}\( \|\$\)" lib/Makefile.inc ||
            echo "$file: not in lib/Makefile.inc"
    done
    find lib -name '*.[ch]' -o -name '*.def' | sed 's,^lib/,,' | LC_ALL=C sort -u |
        while read -r file; do
            name=${file##*/}
            case $name in
            *.def | hakmem.h) ;;
            *) name=${name%.*} ;;
            esac
            [ "$file" = hakmem.h ] || grep -q "^| .${file%/*}/. .*\`$name\`" lib/README.md ||
                echo "lib/$file: not in the table of lib/README.md"
        done
}

# Every file of the packaging goes into the release archive.
check_packaging() {
    find debian -type f ! -path 'debian/build/*' | LC_ALL=C sort | while read -r file; do
        grep -q "^[[:space:]]*$file\( \|\$\)" tests/deb/Makefile.inc ||
            echo "$file: not in tests/deb/Makefile.inc"
    done
}

# Paths of one machine.
check_paths() {
    grep -rnE '(^|[^A-Za-z0-9_.])/(home|root|work)/' lib tools bench tests man bootstrap \
        README.md .ci debian |
        grep -v '^tests/meta/style.sh:' || true
}

{
    check_lines
    check_openings
    check_functions
    check_conditions
    check_boundaries
    check_layout
    check_lists
    check_packaging
    check_paths
} >"$bad"
cat "$bad"
[ ! -s "$bad" ]

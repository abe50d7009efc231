#!/bin/sh
# SPDX-License-Identifier: MIT
# An environment that means harm: each knob with values that are huge, hold newlines, formats,
# escape sequences or other bytes. The program runs on; what is said are a few short printable
# lines; nothing is written but the file that the statistics go to, and that is neither a link's
# target nor anything that the exit would hang at.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

build settings "$src/dso/settings_main.c" "$HAKMEM_SO" -Wl,-rpath,"$libdir"
mkdir "$work/here"
cd "$work/here" || exit 99

# Values by name, so that the shell need not quote them.
long=$(head -c 30000 /dev/zero | tr '\0' A)
digits=$(head -c 30000 /dev/zero | tr '\0' 9)
lines=$(printf '1\nhakmem: fatal: double-free: not true\nHAKMEM_STRICT=1')
escapes=$(printf '\033]0;title\007\033[2J\r1')
bytes=$(printf '\377\376\200\001\177')

# spoken FILE: at most five lines, each short, printable and with our prefix.
spoken() {
    [ "$(wc -l <"$1")" -le 5 ] || fail "$(wc -l <"$1") lines: $(head -n 6 "$1")"
    if LC_ALL=C grep -v '^hakmem: [ -~]\{1,230\}$' "$1"; then
        fail "that is no line of ours"
    fi
}

# attack NAME=VALUE...: the program as ever, its complaints in $work/err.
attack() {
    run env HAKMEM_LOG=1 "$@" "$work/settings" >"$work/out" 2>"$work/err" ||
        fail "status $? with $(echo "$1" | head -c 60)"
    spoken "$work/err"
}

# Each knob is wrong, all of them at once: four are told of, the others counted.
knobs=$("$HAKMEM_RUN" --list-knobs | sed -n 's/^\(HAKMEM_[A-Z_]*\):.*/\1/p' |
    grep -v '^HAKMEM_STATS_FILE$\|^HAKMEM_LOG$')
more=$(($(echo "$knobs" | wc -l) - 4))
for value in "$long" "$digits" '%n%s%n%99999999c' "$lines" "$escapes" "$bytes" \
    18446744073709551616 -1 ''; do
    set --
    for knob in $knobs; do
        set -- "$@" "$knob=$value"
    done
    attack "$@"
    tail -n 1 "$work/err" | grep -qx "hakmem: $more more HAKMEM_ variables are wrong" ||
        fail "not every knob minds $(echo "$value" | head -c 40): $(tail -n 1 "$work/err")"
done
# Names that are no better than the values.
attack "HAKMEM_$long=1" "HAKMEM_$lines=1" "HAKMEM_$escapes=1" "HAKMEM_%n%s=1" "HAKMEM_=$bytes"
[ "$(wc -l <"$work/err")" -eq 5 ] || fail "five wrong names: $(cat "$work/err")"
[ -z "$(ls -A)" ] || fail "files appeared: $(ls -A)"

# The file of statistics is named to the letter; only %p is the process ID.
attack 'HAKMEM_STATS_FILE=%n%s.%d%%'
[ "$(ls -A)" = '%n%s.%d%%' ] || fail "files: $(ls -A)"
rm -f ./*
attack "HAKMEM_STATS_FILE=$long"
[ -z "$(ls -A)" ] || fail "a file appeared for a name of 30000 characters"

# refused WORDS PATH: nothing is written by way of it, and one line says so.
refused() {
    attack "HAKMEM_STATS_FILE=$2"
    grep -qx "hakmem: stats_file cannot be written: $2" "$work/err" ||
        fail "$1: said '$(cat "$work/err")'"
    [ ! -s target ] || fail "$1: the target was written to"
}
: >target
ln -s target link
refused 'a symbolic link' link
ln -s nowhere dangling
refused 'a link to nothing' dangling
[ ! -e nowhere ] || fail 'a link made a file'
ln target hard
refused 'a hard link' hard
mkfifo pipe
refused 'a pipe that nobody reads' pipe
mkdir folder
refused 'a folder' folder
ln -s folder through
attack 'HAKMEM_STATS_FILE=folder/good'
[ -s folder/good ] || fail 'an ordinary file is not written'

# hakmem-run looks at the variables first: one line, and nothing is started.
for value in "$long" "$lines" "$escapes"; do
    status=0
    HAKMEM_DIRTY_MIN=$value "$HAKMEM_RUN" touch started >"$work/out" 2>"$work/err" || status=$?
    [ "$status" -eq 2 ] || fail "hakmem-run: status $status"
    [ "$(wc -l <"$work/err")" -eq 1 ] || fail "hakmem-run: $(cat "$work/err")"
    sed 's/^hakmem-run/hakmem/' "$work/err" >"$work/one"
    spoken "$work/one"
    [ ! -e started ] || fail 'hakmem-run started the program'
done

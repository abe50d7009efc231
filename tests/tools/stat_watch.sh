#!/bin/sh
# SPDX-License-Identifier: MIT
# hakmem-stat --watch in real terminals, wide and narrow: what is on the screen, that nothing on it
# is cut, what keys do, job control, that the terminal is put back, the end of the process that is
# watched, and the table of all processes.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
# shellcheck source=tests/tools/stat_common.sh
. "$top_srcdir/tests/tools/stat_common.sh"
if ! command -v tmux >/dev/null; then
    echo 'skipped: no tmux'
    exit 77
fi
socket=$work/tmux
tm() {
    tmux -S "$socket" -f /dev/null "$@"
}
screen() {
    tm capture-pane -p -t watch
}
# until_screen WORDS PATTERN: waits till a line of the screen fits.
until_screen() {
    for _ in $(seq 600); do
        if screen | grep -q -- "$2"; then
            return 0
        fi
        sleep 0.1
    done
    complain "$1: no line $2 on the screen:
$(screen)"
}
# open COLUMNS LINES
open() {
    tm new-session -d -s watch -x "$1" -y "$2" "env PS1='prompt> ' sh"
    until_screen shell 'prompt>'
    tm send-keys -t watch "$stat --watch --interval=0.2 $pid" Enter
}

# A server that loses its last session ends, perhaps while the next one is asked for.
tm new-session -d -s keep 'sleep 1000'
start "$run" --stats ./target
open 110 40
until_screen start "^target (PID $pid), libhakmem"
until_screen threads 'TID NAME .*RATE *IDLE'
until_screen idle ' alpha .* 0 B/s  *-  '
# What works is seen to, and how long ago that was.
# The screen may be drawn and read too late for a single one.
for _ in $(seq 600); do
    order a
    ! screen | grep -q '^ *[0-9]* target .* 0 s  ' || break
done
until_screen active '^ *[0-9]* target .* 0 s  '
until_screen inactive '^ *[0-9]* target .* [1-9][0-9]* s  '
until_screen threads ' alpha '
until_screen footer '^order: tid, every 0.2 s'
tm send-keys -t watch c
until_screen classes 'SIZE .*OCCUPIED'
tm send-keys -t watch f
until_screen waste 'mostly of the size classes'
tm send-keys -t watch h
until_screen help 'look twice as often'
# Every line of the help fits into 12 lines, too.
tm resize-window -t watch -x 80 -y 14
until_screen 'short help' 'this help'
tm resize-window -t watch -x 110 -y 40
# Headings are bold, and nothing is with NO_COLOR.
tm capture-pane -p -e -t watch | grep -q "$(printf '\033\\[1m')Keys" || complain 'no bold heading'
tm send-keys -t watch t a
until_screen 'by bytes' '^order: allocated'
screen | awk '$2 == "target" { target = NR } $2 == "alpha" { alpha = NR }
    END { exit !(target && target < alpha) }' || complain "not by bytes: $(screen)"
tm send-keys -t watch t n
until_screen sort '^order: name'
screen | grep -n 'alpha\|beta' | head -n 2 | tail -n 1 | grep -q beta || complain 'not by name'
tm send-keys -t watch +
until_screen faster 'every 0.1 s'
tm send-keys -t watch q
until_screen end 'prompt>'
screen | grep -q 'TID NAME' && complain 'the screen was not put back'
tm send-keys -t watch 'stty -a | grep -o -- "-*icanon"' Enter
until_screen terminal '^icanon'

# No line is broken, in any width.
for columns in 20 40 60; do
    tm kill-session -t watch
    open "$columns" 12
    until_screen "$columns columns" '^target (PID'
    screen >drawn
    [ "$(grep -c '^target (PID' drawn)" -eq 1 ] || complain "$columns columns: $(cat drawn)"
    sed -n 2p drawn | grep -q '^  resident' || complain "$columns columns: $(cat drawn)"
    sed -n 3p drawn | grep -q '^ *TID' || complain "$columns columns: $(cat drawn)"
    awk -v most="$columns" 'length > most { exit 1 }' drawn || complain "wider than $columns"
done

# Nothing is cut: columns and phrases are whole, or not there and reached with the arrows.
tm kill-session -t watch
open 80 24
until_screen title "^target (PID $pid), libhakmem [0-9.]*, up [0-9]* s, counters from its segment$"
until_screen 'threads at 80' '^ *TID NAME .* SLABS$'
tm send-keys -t watch Right Right Right
until_screen 'scrolled to the right' 'TID NAME .* TO OTHERS  RECEIVED$'
tm send-keys -t watch c
until_screen 'classes at 80' '^ *SIZE .* OCCUPIED  *ALLOCATIONS$'
tm send-keys -t watch f
until_screen 'waste at 80' '^ *SIZE .* OCCUPIED <25% <50% <75% MORE$'
tm send-keys -t watch h
until_screen 'help at 80' '^h this help'
tm resize-window -t watch -x 40 -y 10
until_screen 'help at 40' 'arrows, Page Up/Down, Home, End scroll$'
tm send-keys -t watch End
until_screen 'end of the help' '^h this help'
tm send-keys -t watch Escape c
until_screen 'classes at 40' '^ *SIZE .* OCCUPIED$'
until_screen 'footer at 40' '^order: tid, every 0.2 s; h: help'
until_screen 'smallest class' '^ *16 '
tm send-keys -t watch End
until_screen 'largest class' '^ *[1-9][0-9][0-9][0-9] '
screen | grep -q '^ *16 ' && complain "the first row did not scroll out: $(screen)"
tm send-keys -t watch Home
until_screen 'smallest class again' '^ *16 '
tm send-keys -t watch f
until_screen 'waste at 40' '^  mostly of the size classes'
until_screen 'waste table at 40' '^ *SIZE .* OCCUPIED$'

# Job control, and a quit from the keyboard.
tm resize-window -t watch -x 80 -y 24
tm send-keys -t watch C-z
until_screen stopped 'Stopped\|prompt> $'
tm send-keys -t watch fg Enter
until_screen 'in the foreground again' '^ *SIZE .* OCCUPIED'
tm send-keys -t watch C-\\
until_screen quit 'prompt> *$'
tm send-keys -t watch 'clear; stty -a | grep -o -- "-*icanon"' Enter
until_screen 'terminal after a quit' '^icanon'

# Without arguments: all processes, in an order; one of them can be opened.
own_line="^ *$pid target  *[0-9.]* [KM]iB"
tm send-keys -t watch "clear; $stat --watch --interval=0.2 --sort=pid" Enter
until_screen list 'PID NAME  *RESIDENT  *LIVE  *WASTE THREADS  *TREND$'
until_screen 'own row' "$own_line"
for key in m a w e r n i; do
    tm send-keys -t watch "$key"
done
until_screen 'order of the list' '^order: pid, '
tm send-keys -t watch s
until_screen 'next order of the list' '^order: resident, '
tm kill-session -t watch
tm new-session -d -s watch -x 80 -y 24 "$stat --watch --interval=0.2 target sh"
until_screen 'list by name' "$own_line"
tm send-keys -t watch m Home
rows=0
until tm capture-pane -p -e -t watch | grep -q "[[;]7m.* $pid target"; do
    rows=$((rows + 1))
    [ $rows -lt 50 ] || break
    tm send-keys -t watch Down
    sleep 0.1
done
[ $rows -lt 50 ] || complain "the row of $pid was not selected: $(screen)"
tm send-keys -t watch Enter
until_screen opened "^target (PID $pid), libhakmem"
until_screen 'threads of the one opened' ' alpha '
tm send-keys -t watch Escape
until_screen 'back to the list' "$own_line"
tm kill-session -t watch
tm new-session -d -s watch -x 80 -y 24 "NO_COLOR=1 $stat --watch --interval=0.2 $pid"
until_screen plain '^target (PID'
tm capture-pane -p -e -t watch | grep -q "$(printf '\033\\[1m')" && complain 'NO_COLOR: bold'
# It is told when the terminal changes.
tm resize-window -t watch -x 100 -y 30
until_screen resized 'TID NAME .*RECEIVED'

# The end of the process.
tm kill-session -t watch
open 100 30
until_screen again 'TID NAME'
kill -9 "$pid"
until_screen gone "hakmem-stat: $pid: no such process, or it has ended"
stop
tm kill-server

# Without a terminal: plain text, and an end.
start "$run" --stats ./target
"$stat" >out || complain "list: $?"
sed -n 1p out | grep -q '^ *PID NAME  *RESIDENT  *LIVE  *WASTE THREADS  *TREND$' ||
    complain "list: $(cat out)"
grep -q "^ *$pid target .* 3 .*B/s$" out || complain "list: $(cat out)"
"$stat" --sort=pid >out
sort -n -k1,1 -s out | cmp -s - out || complain "list by PID: $(cat out)"
# A terminal that knows nothing is sent nothing but text.
if command -v script >/dev/null; then
    TERM=dumb script -qec "$stat --watch --count=2 --interval=0.1 $pid; $stat $pid" /dev/null \
        >out </dev/null || complain "dumb: $?"
    [ "$(grep -c '^target (PID' out)" -eq 3 ] || complain "dumb: $(cat out)"
    grep -q "$(printf '\033')" out && complain 'dumb: escape sequences'
fi
"$stat" --watch --count=2 --interval=0.1 "$pid" >out </dev/null || complain "plain: $?"
[ "$(grep -c '^target (PID' out)" -eq 2 ] || complain "plain: $(cat out)"
grep -q "$(printf '\033')" out && complain 'plain: escape sequences'
stop
exit "$status"

#!/bin/sh
# SPDX-License-Identifier: MIT
# Completion in a real bash, with and without the package bash-completion, and in a real zsh: what
# is typed in a terminal and a tab make of it.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
: "${top_builddir:?}"
if ! command -v tmux >/dev/null; then
    echo 'skipped: no tmux'
    exit 77
fi
socket=$work/tmux
session=0
tm() {
    tmux -S "$socket" -f /dev/null "$@"
}
screen() {
    tm capture-pane -p -J -t "s$session"
}
# until_screen WORDS PATTERN: waits till a line of the screen fits.
until_screen() {
    for _ in $(seq 600); do
        if screen | grep -q -- "$2"; then
            return 0
        fi
        sleep 0.1
    done
    complain "$shell: $1: no line $2 on the screen:
$(screen)"
}
# typed TEXT PATTERN [KEY]: TEXT and a tab make a line that fits; a second tab shows a list.
typed() {
    tm send-keys -t "s$session" C-u C-l
    until_screen clear '^prompt> *$'
    tm send-keys -t "s$session" -l "$1"
    tm send-keys -t "s$session" Tab ${3+"$3"}
    until_screen "$1" "$2"
}
# begin COMMAND...: a shell that has the completions, and its first prompt.
begin() {
    session=$((session + 1))
    tm new-session -d -s "s$session" -x 150 -y 40 "$*"
    until_screen start '^prompt>'
}
# What all shells make of what is typed.
try_all() {
    typed 'hakmem-run --dirty-m' 'hakmem-run --dirty-min='
    typed 'hakmem-run --no-i' 'hakmem-run --no-inherit *$'
    typed 'hakmem-run --purge=n' 'hakmem-run --purge=no *$'
    typed 'hakmem-run --set cache_t' 'hakmem-run --set cache_total='
    typed 'hakmem-run --purge readl' 'hakmem-run --purge readlink *$'
    typed 'hakmem-run cat unique-f' 'hakmem-run cat unique-file *$'
    typed 'hakmem-run --dirty-min=1m cat unique-f' '=1m cat unique-file *$'
    typed 'hakmem-stat --prom' 'hakmem-stat --prometheus *$'
    typed 'hakmem-stat --sort=all' 'hakmem-stat --sort=allocated *$'
    typed 'hakmem-stat --' '--frag' Tab
    typed "hakmem-stat ${pid%?}" "^prompt> hakmem-stat .*$pid\\|^$pid" Tab
    typed 'hakmem-stat --diff unique-f' 'hakmem-stat --diff unique-file *$'
}

: >unique-file
"$run" sleep 100 &
pid=$!
trap 'tm kill-server 2>/dev/null || :; kill $pid 2>/dev/null || :; rm -rf "$work"' EXIT
completions=$top_builddir/tools/completion

{
    echo "PS1='prompt> '"
    echo ". '$completions/hakmem-run'"
    echo ". '$completions/hakmem-stat'"
} >bashrc
shell='plain bash'
begin bash --noprofile --rcfile bashrc
try_all
if [ -e /usr/share/bash-completion/bash_completion ]; then
    shell='bash with bash-completion'
    sed -i '1i . /usr/share/bash-completion/bash_completion' bashrc
    begin bash --noprofile --rcfile bashrc
    try_all
    typed 'hakmem-run env --uns' 'hakmem-run env --unset='
fi
if command -v zsh >/dev/null; then
    shell=zsh
    mkdir dots
    {
        echo "PS1='prompt> '"
        echo "fpath=('$completions' \$fpath)"
        echo 'autoload -U compinit'
        echo 'compinit -D -u'
    } >dots/.zshrc
    begin env "ZDOTDIR=$work/dots" zsh -d
    try_all
    typed 'hakmem-run -n readl' 'hakmem-run -n readlink *$'
fi
exit "$status"

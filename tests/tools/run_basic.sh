#!/bin/sh
# SPDX-License-Identifier: MIT
# hakmem-run's manners: --help, --version and --list-knobs on standard output in 80 columns, wrong
# usage in one line with status 2, and the exit statuses of env(1).
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"

for option in --help -h --version -V --list-knobs -l; do
    "$run" "$option" >out 2>errors || complain "$option: exit status $?"
    [ -s out ] || complain "$option: prints nothing"
    [ ! -s errors ] || complain "$option: complains"
    awk 'length > 80 { exit 1 }' out || complain "$option: wider than 80 columns"
    "$run" "$option" no-such-program >again 2>&1 || complain "$option with a program: status $?"
    cmp -s out again || complain "$option with a program: another output"
done
expect 125 '' 'hakmem-run: cannot write to standard output: No space left on device' \
    sh -c '"$1" --help >/dev/full' sh "$run"
"$run" --version >out
grep -q '^hakmem-run (libhakmem) [0-9][0-9.]*$' out || complain "--version: $(cat out)"

# The list of knobs says what is in force, and whence it comes; as JSON, too.
HAKMEM_PURGE=no "$run" --dirty-min=1m -l >out || complain "--list-knobs: $?"
awk '$1 == "HAKMEM_PURGE:" { name = "purge" } $1 == "HAKMEM_DIRTY_MIN:" { name = "min" }
    $1 == "HAKMEM_LOG:" { name = "log" }
    $1 == "now" { print name, $2, $3; name = "" }' out | grep -v '^ ' >now
printf 'log no (default)\npurge no (environment)\nmin 1m (option)\n' | diff - now || complain 'now'
HAKMEM_PURGE=no "$run" --dirty-min=1m --json -l --stats-file='a"\b%p' >out || complain "--json: $?"
jq -r '.schema, (.knobs[] | select(.name == "purge" or .name == "dirty_min" or .name == "log" or
    .name == "stats_file") |
    "\(.name) \(.variable) \(.value) \(.source) \(.min) \(.default)")' out >now
cat >wanted <<'END'
hakmem-knobs-1
log HAKMEM_LOG false default null false
purge HAKMEM_PURGE false environment null true
dirty_min HAKMEM_DIRTY_MIN 1048576 option 0 3145728
stats_file HAKMEM_STATS_FILE a"\b%p option null null
END
diff wanted now || complain '--list-knobs --json'
[ "$("$run" -l | grep -c '^HAKMEM_')" -eq "$(jq '.knobs | length' out)" ] || complain 'JSON: knobs'
"$run" -l --dirty-min=8x >out 2>errors && complain 'a wrong knob passes'
grep -q '^HAKMEM_DIRTY_MIN' out || complain 'a wrong knob stops the list'
[ "$(wc -l <errors)" -eq 1 ] || complain 'a wrong knob: no line'

hint='(see hakmem-run --help)'
expect 2 '' "hakmem-run: --json goes with --compare, --tune or --list-knobs $hint" \
    "$run" --json true
expect 2 '' "hakmem-run: no program given $hint" "$run"
expect 2 '' "hakmem-run: no program given $hint" "$run" --log --
expect 2 '' 'hakmem-run: unknown option --drity-min (nearest: --dirty-min)' \
    "$run" --drity-min=1m true
expect 2 '' 'hakmem-run: unknown option --no-inherti (nearest: --no-inherit)' \
    "$run" --log --no-inherti true
expect 2 '' "hakmem-run: unknown option -x $hint" "$run" -x true
expect 2 '' "hakmem-run: unknown option -x $hint" "$run" -nx true
expect 2 '' "hakmem-run: option --help takes no value $hint" "$run" --help=all
expect 2 '' "hakmem-run: option --dirty-min needs a value $hint" "$run" --dirty-min
expect 2 '' "hakmem-run: option -s needs a value $hint" "$run" -s
expect 2 '' "hakmem-run: --set log: not NAME=VALUE $hint" "$run" --set log true
expect 2 '' "hakmem-run: --set =1: not NAME=VALUE $hint" "$run" --set =1 true

expect 0 '' '' "$run" true
expect 1 '' '' "$run" false
expect 42 'out' 'err' "$run" sh -c 'echo out; echo err >&2; exit 42'
expect 137 '' '' sh -c '"$1" sh -c "kill -9 \$\$" 2>/dev/null' sh "$run"
expect 0 '[-x] [--help] [a b]' '' "$run" sh -c 'printf "[%s] [%s] [%s]" "$@"' sh -x --help 'a b'
expect 0 'stdin' '' sh -c 'echo stdin | "$1" cat' sh "$run"

no_file='No such file or directory'
expect 127 '' "hakmem-run: no-such-program: $no_file" \
    env PATH=/usr/bin:/bin "$run" no-such-program
expect 127 '' "hakmem-run: ./no-such-program: $no_file" "$run" ./no-such-program
expect 127 '' "hakmem-run: : $no_file" "$run" ''
expect 127 '' "hakmem-run: sh: $no_file" env PATH=/nowhere:: "$run" sh
expect 126 '' 'hakmem-run: /: Permission denied' "$run" /
echo 'echo never' >not-executable
expect 126 '' 'hakmem-run: ./not-executable: Permission denied' "$run" ./not-executable
expect 126 '' 'hakmem-run: not-executable: Permission denied' \
    env PATH=/nowhere: "$run" not-executable
printf '#!/no/such/interpreter\n' >orphan
chmod 755 orphan
expect 127 '' 'hakmem-run: ./orphan: its interpreter was not found' "$run" ./orphan
# A text without #! is the shell's, as with env; so is an empty file.
printf 'echo "text $1"; exit 7\n' >text
: >empty
chmod 755 text empty
expect 7 'text ok' '' "$run" ./text ok
expect 0 '' '' "$run" ./empty
expect 7 'text ok' '' env PATH=":$PATH" "$run" text ok
exit "$status"

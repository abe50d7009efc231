#!/bin/sh
# SPDX-License-Identifier: MIT
# named serves a zone of some thousand names: lookups, a transfer, a reload, from several clients.
. "$(dirname "$0")/lib.sh"
need named dig
port=$((20000 + $$ % 20000))
names=$((3000 * scale))
awk -v names=$names 'BEGIN {
    print "$TTL 300\n@ IN SOA ns.test. root.test. 1 60 60 60 60\n@ IN NS ns\nns IN A 127.0.0.1"
    for (i = 0; i < names; i++)
        print "host" i " IN A 10." int(i / 65536) "." int(i / 256) % 256 "." i % 256 \
            "\nhost" i " IN TXT \"text of host " i "\""
}' >"$work/test.zone"
cat >"$work/named.conf" <<END
options {
    directory "$work";
    listen-on port $port { 127.0.0.1; };
    listen-on-v6 { none; };
    pid-file none;
    session-keyfile "$work/session.key";
    recursion no;
    allow-transfer { any; };
};
zone "test" { type primary; file "$work/test.zone"; };
controls { };
END
ask() {
    dig +tcp +tries=2 +time=10 -p "$port" @127.0.0.1 "$@" | grep -v "^;"
}

# serve HOW RUN...
serve() {
    how=$1
    shift
    "$@" named -g -4 -n 2 -c "$work/named.conf" >"$work/named.$how" 2>&1 &
    server=$!
    # shellcheck disable=SC2034 # lib.sh ends them
    servers=$server
    until_true 600 ask +short host1.test || fail "$how: no answer: $(tail -n 3 "$work/named.$how")"
    [ "$how" = plain ] || has_library $server
    awk -v names=$names 'BEGIN { for (i = 0; i < names; i += 7) print "host" i ".test A\nhost" i \
        ".test TXT\nnone" i ".test A" }' >"$work/questions"
    {
        ask +short -f "$work/questions" >/dev/null &
        other=$!
        ask +short -f "$work/questions"
        wait $other
        ask +noall +answer AXFR test
    } >"$work/answers.$how"
    kill -HUP $server
    until_true 600 ask +short host2.test || fail "$how: no answer after a reload"
    stop $server || fail "$how: named ends with $?"
}
serve plain env
serve hakmem "$run"
diff "$work/answers.plain" "$work/answers.hakmem" >&2 || fail 'other answers'
[ "$(wc -l <"$work/answers.hakmem")" -gt "$names" ] || fail 'few answers'
echo 'named: the same'

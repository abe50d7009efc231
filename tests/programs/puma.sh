#!/bin/sh
# SPDX-License-Identifier: MIT
# puma serves a Ruby application with two worker processes of several threads each: pages that it
# makes, sorts, compresses and hashes, and what clients send, from several at a time, also through
# a restart of the workers.
. "$(dirname "$0")/lib.sh"
need puma python3
port=$((20000 + $$ % 20000))
cat >"$work/config.ru" <<'END'
require "digest/md5"
require "json"
require "zlib"
shared = {}
lock = Mutex.new
run lambda { |env|
  number = env["QUERY_STRING"].to_i
  sent = env["rack.input"].read
  words = (1..800).map { |i| Digest::MD5.hexdigest("#{number}-#{i}") }
  table = words.each_with_index.to_h.sort.to_h
  text = JSON.generate(table)
  packed = Zlib::Deflate.deflate(text * (1 + number % 5))
  GC.start if number % 50 == 7 # GC.compact is not safe with threads in Ruby 3.1
  lock.synchronize { shared[number % 100] = text }
  body = [number, sent.bytesize, Zlib.crc32(sent), packed.bytesize, Zlib.crc32(packed),
          JSON.parse(text).size, words.sort.first, "x" * (number * 37 % 5000)].join(" ")
  if env["HTTP_CHILD"]
    body = IO.popen(["cat"], "r+") { |child| child << body; child.close_write; child.read }
  end
  [200, { "content-type" => "text/plain" }, body.each_char.each_slice(1000).map(&:join)]
}
END
cat >"$work/puma.rb" <<END
workers 2
threads 2, 4
bind "tcp://127.0.0.1:$port"
environment "production"
pidfile "$work/puma.pid"
raise_exception_on_sigterm false
worker_timeout 300
worker_boot_timeout 300
END
cat >"$work/client.py" <<'END'
import sys, urllib.request, zlib
from concurrent.futures import ThreadPoolExecutor
base, count = sys.argv[1], int(sys.argv[2])
def ask(n):
    sent = b"%d," % n * (n * 101 % 30000) if n % 4 == 0 else None
    headers = {"Child": "yes"} if n % 20 == 3 else {}
    wanted = urllib.request.Request("%s/?%d" % (base, n), data=sent, headers=headers)
    with urllib.request.urlopen(wanted, timeout=600) as answer:
        return answer.status, answer.read()
with ThreadPoolExecutor(6) as pool:
    for status, body in pool.map(ask, range(count)):
        print(status, len(body), zlib.crc32(body), body[:100].decode())
END

# workers_changed PIDS: two workers run that aren't those.
workers_changed() {
    # shellcheck disable=SC2046 # a list of words
    set -- "$1" $(children "$server")
    [ $# -eq 3 ] || return 1
    case " $1 " in
    *" $2 "* | *" $3 "*) return 1 ;;
    esac
}

# complain HOW WHY: with what the server said.
complain() {
    tail_of "$work/puma.$1"
    fail "$1: $2"
}

# serve HOW RUN...: the clients, a restart of the workers, the clients again.
serve() {
    how=$1
    shift
    (cd "$work" && exec "$@" puma -C "$work/puma.rb" config.ru) >"$work/puma.$how" 2>&1 &
    server=$!
    # shellcheck disable=SC2034 # lib.sh ends it
    servers=$server
    address=http://127.0.0.1:$port
    until_true 600 python3 "$work/client.py" "$address" 1 || complain "$how" 'no answer'
    until_true 600 workers_changed none || complain "$how" 'no two workers'
    old=$(children "$server" | tr '\n' ' ')
    # shellcheck disable=SC2086 # a list of words
    [ "$how" = plain ] || has_library "$server" $old
    limited python3 "$work/client.py" "$address" $((200 * scale)) >"$work/answers.$how" ||
        complain "$how" 'the client'
    kill -USR1 "$server"
    until_true 600 workers_changed "$old" || complain "$how" 'the workers are not restarted'
    limited python3 "$work/client.py" "$address" $((60 * scale)) >>"$work/answers.$how" ||
        complain "$how" 'the client, after the restart'
    stop "$server" || complain "$how" "puma ends with $?"
}

served 'libruby-[0-9.]*.so.[0-9.]*' puma --version
serve plain env
serve hakmem "$run"
diff "$work/answers.plain" "$work/answers.hakmem" >&2 || fail 'other answers'
[ "$(wc -l <"$work/answers.hakmem")" -ge 260 ] || fail 'few answers'
echo 'puma: the same'

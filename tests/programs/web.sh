#!/bin/sh
# SPDX-License-Identifier: MIT
# nginx in front of php-fpm with the curl, mysqli and zip extensions: files, compression, pages
# that PHP makes, from several clients at a time, through reloads of both servers.
. "$(dirname "$0")/lib.sh"
need nginx php-fpm8.2 python3
port=$((20000 + $$ % 20000))
mkdir "$work/site" "$work/temporary"
awk 'BEGIN { for (i = 0; i < 20000; i++) print i, i * 7919 % 10007, "some text to compress" }' \
    >"$work/site/long.txt"
cat >"$work/site/page.php" <<'END'
<?php
$n = (int)($_GET['n'] ?? 0);
$file = tempnam(sys_get_temp_dir(), 'zip');
$zip = new ZipArchive();
$zip->open($file, ZipArchive::OVERWRITE);
for ($i = 0; $i < 20; $i++)
    $zip->addFromString("entry-$i", str_repeat("line $n\n", 50 * $i));
$zip->close();
$zip->open($file);
$sum = 0;
for ($i = 0; $i < $zip->numFiles; $i++)
    $sum = crc32($sum . $zip->getFromIndex($i));
unlink($file);
$parts = array_map(fn($i) => md5("$n-$i"), range(1, 3000));
sort($parts);
$handle = curl_init('file://' . __DIR__ . '/long.txt');
curl_setopt($handle, CURLOPT_RETURNTRANSFER, true);
echo "$n $sum ", md5(implode($parts)), ' ', md5(curl_exec($handle)), ' ',
    class_exists('mysqli') ? 'mysqli' : '', "\n";
END
cat >"$work/nginx.conf" <<END
daemon off;
worker_processes 2;
pid $work/nginx.pid;
error_log $work/nginx.log;
events { worker_connections 64; }
http {
    access_log off;
    gzip on;
    gzip_types text/plain;
    client_body_temp_path $work/temporary/a;
    proxy_temp_path $work/temporary/b;
    fastcgi_temp_path $work/temporary/c;
    uwsgi_temp_path $work/temporary/d;
    scgi_temp_path $work/temporary/e;
    server {
        listen 127.0.0.1:$port;
        root $work/site;
        location ~ [.]php\$ {
            fastcgi_pass unix:$work/fpm.socket;
            fastcgi_param SCRIPT_FILENAME \$document_root\$fastcgi_script_name;
            fastcgi_param QUERY_STRING \$query_string;
            fastcgi_param REQUEST_METHOD \$request_method;
        }
    }
}
END
[ "$(id -u)" -ne 0 ] || sed -i '1i user root;' "$work/nginx.conf"
cat >"$work/fpm.conf" <<END
[global]
pid = $work/fpm.pid
error_log = $work/fpm.log
daemonize = no
[www]
listen = $work/fpm.socket
user = root
group = root
pm = static
pm.max_children = 3
pm.max_requests = 40
END
cat >"$work/client.py" <<'END'
import gzip, sys, urllib.request, zlib
from concurrent.futures import ThreadPoolExecutor
base, count = sys.argv[1], int(sys.argv[2])
def get(path):
    wanted = urllib.request.Request(base + path, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(wanted, timeout=600) as answer:
        body = answer.read()
        return gzip.decompress(body) if answer.headers.get("Content-Encoding") else body
with ThreadPoolExecutor(4) as pool:
    for body in pool.map(get, ["/page.php?n=%d" % n for n in range(count)]):
        print(body.decode().strip())
    for body in pool.map(get, ["/long.txt"] * 30):
        print(len(body), zlib.crc32(body))
END
# serve HOW RUN...: both servers, the client, a reload, the client again.
serve() {
    how=$1
    shift
    "$@" php-fpm8.2 -R -F -y "$work/fpm.conf" >"$work/fpm.$how" 2>&1 &
    fpm=$!
    "$@" nginx -e "$work/nginx.log" -c "$work/nginx.conf" >"$work/web.$how" 2>&1 &
    web=$!
    # shellcheck disable=SC2034 # lib.sh ends them
    servers="$fpm $web"
    address=http://127.0.0.1:$port
    until_true 600 python3 "$work/client.py" "$address" 1 || fail "$how: no answer"
    # shellcheck disable=SC2046 # lists of words
    [ "$how" = plain ] || has_library $fpm $web $(children $fpm) $(children $web)
    limited python3 "$work/client.py" "$address" $((150 * scale)) >"$work/answers.$how" ||
        fail "$how: the client"
    kill -HUP $web
    kill -USR2 $fpm
    until_true 600 python3 "$work/client.py" "$address" 20 || fail "$how: no answer after a reload"
    stop $web || fail "$how: nginx ends with $?"
    stop $fpm || fail "$how: php-fpm ends with $?"
}

[ "$(id -u)" -eq 0 ] || sed -i '/^user\|^group/d' "$work/fpm.conf"
serve plain env
serve hakmem "$run"
diff "$work/answers.plain" "$work/answers.hakmem" >&2 || fail 'other answers'
[ "$(wc -l <"$work/answers.hakmem")" -ge 150 ] || fail 'few answers'
echo 'nginx and php-fpm: the same'

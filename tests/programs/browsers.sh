#!/bin/sh
# SPDX-License-Identifier: MIT
# chromium and firefox, which bring an allocator of their own, are let alone by hakmem-run, which
# says so, and show the same page; so they do when a script starts them and they inherit the
# library, which then serves nothing.
. "$(dirname "$0")/lib.sh"
need chromium firefox-esr
binary=/usr/lib/chromium/chromium # what the script of that name starts
[ -x "$binary" ] || exit 99
mkdir "$work/site"
cat >"$work/site/page.html" <<'END'
<!doctype html>
<meta charset="utf-8">
<body style="margin: 0">
<canvas id="picture" width="400" height="300"></canvas>
<p id="text">nothing</p>
<script>
let state = 5, sum = 0;
const next = () => state = state * 16807 % 2147483647;
const note = value => { for (const c of String(value)) sum = (sum * 31 + c.charCodeAt(0)) | 0; };
const words = Array.from({ length: 60000 }, () => "w" + next() % 7919);
const counts = new Map();
words.forEach(w => counts.set(w, (counts.get(w) || 0) + 1));
note(JSON.stringify(JSON.parse(JSON.stringify([...counts].sort())).reverse()));
const list = document.createElement("div");
for (let round = 0; round < 5; round++) {
    list.innerHTML = words.slice(0, 4000).map(w => `<p class="${w}"><b>${w}</b> text</p>`).join("");
    note(list.querySelectorAll("p:nth-child(3n) > b").length + list.textContent.length);
}
const blocks = [];
for (let i = 0; i < 3000; i++) {
    blocks[next() % 300] = new Uint8Array(next() % 50000).fill(i);
    if (i % 100 == 0) blocks.forEach(block => note(block.length));
}
const canvas = document.getElementById("picture").getContext("2d", { willReadFrequently: true });
for (let i = 0; i < 2000; i++) {
    canvas.fillStyle = `rgb(${next() % 256}, ${next() % 256}, ${next() % 256})`;
    canvas.fillRect(next() % 400, next() % 300, next() % 60, next() % 60);
}
note(canvas.getImageData(0, 0, 400, 300).data.join());
document.getElementById("text").textContent = "sum " + sum;
document.body.style.background = "#" + (sum & 0xffffff).toString(16).padStart(6, "0");
</script>
END
page=file://$work/site/page.html

# show LABEL COMMAND...: what chromium makes of the page is in $work/LABEL, with a fresh profile.
show() {
    label=$1
    shift
    limited "$@" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --user-data-dir="$work/profile-$label" --dump-dom "$page" \
        >"$work/$label" 2>"$work/$label.err" </dev/null || broken "$label" "status $?"
    grep -q '>sum -\{0,1\}[1-9][0-9]*<' "$work/$label" || broken "$label" 'no sum'
}
# draw LABEL COMMAND...: firefox's picture of it.
draw() {
    label=$1
    shift
    mkdir "$work/profile-$label"
    limited "$@" --headless --no-remote --profile "$work/profile-$label" \
        --screenshot "$work/$label" "$page" >"$work/$label.err" 2>&1 </dev/null ||
        broken "$label" "status $?"
    [ -s "$work/$label" ] || broken "$label" 'no picture'
}
# broken LABEL WHY
broken() {
    tail_of "$work/$1.err"
    fail "$1: $2"
}
# says LABEL LINE: the same as plain, and of the library exactly that line, "" for none.
says() {
    cmp "$work/${1%-*}-plain" "$work/$1" || fail "$1: not the same"
    [ "$(grep hakmem: "$work/$1.err"; grep hakmem-run: "$work/$1.err")" = "$2" ] ||
        fail "$1: said $(grep hakmem "$work/$1.err")"
    echo "$1: the same"
}
without='running it without libhakmem'

show chromium-plain chromium
show chromium-direct "$run" "$binary"
says chromium-direct "hakmem-run: $binary defines its own malloc: $without"
show chromium-script "$run" chromium
says chromium-script ''
echo chromium >"$work/deny"
show chromium-denied env HAKMEM_DENY="$work/deny" "$run" chromium
says chromium-denied "hakmem-run: chromium is on the deny list ($work/deny, line 1): $without"

draw firefox-plain firefox-esr
draw firefox-direct "$run" firefox-esr
says firefox-direct "hakmem-run: firefox-esr defines its own malloc: $without"
# shellcheck disable=SC2016 # for the inner shell
draw firefox-script "$run" sh -c 'firefox-esr "$@"; exit $?' sh
says firefox-script ''

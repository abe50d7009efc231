#!/bin/sh
# SPDX-License-Identifier: MIT
# What people see of a heap profile: names of C++ and of inlined functions, the live heap at its
# highest moment, blocks that were freed at once, and the picture in a browser.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"
cp "${top_builddir:?}/hakmem-stat" "$work/hakmem-stat"
here=$top_srcdir/tests/tools
if "$work/hakmem-stat" --profile 1 2>&1 | grep -q 'without libdw'; then
    echo 'hakmem-stat was built without libdw'
    exit 77
fi
command -v protoc >/dev/null || { echo 'no protoc'; exit 77; }

# read FILE: what an independent reader finds in it, in ./found.
read_profile() {
    gzip -dc "$1" | protoc --decode=pprof.Profile --proto_path="$here" profile.proto >decoded ||
        complain "$1: protoc cannot read it"
    awk -f "$here/profile.awk" decoded | sort >found
    ! grep '^wrong' found || complain "$1: see above"
}
# The live heap at its highest moment, what was freed at once, and the course of time; names of C++
# and of what was inlined; a process ID in the file's name.
cat >peaks.cc <<'END'
#include <stdlib.h>
#include <string.h>
namespace shop {
struct Cart {
    char *items[20];
    __attribute__((always_inline)) inline void *inner(size_t bytes) { return malloc(bytes); }
    __attribute__((noinline)) char *fill(size_t n) { return (char *)memset(inner(n), 1, n); }
};
}
int main(void) {
    static shop::Cart cart;
    for (int i = 0; i < 20; i++)
        cart.items[i] = cart.fill(100000);
    for (int i = 0; i < 20; i++)
        free(cart.items[i]);
    for (int i = 0; i < 300; i++)
        free(cart.fill(10));
    cart.items[0] = cart.fill(1234);
    return 0;
}
END
${CXX:-c++} -O1 -g -fno-builtin -o peaks peaks.cc || exit 99
for file in peaks.txt peaks.pb.gz peaks.svg named.%p.txt; do
    "$run" --sample-mean=1 --profile="$file" ./peaks 2>errors || complain "$file: $(cat errors)"
done
ls named.[0-9]*.txt >/dev/null || complain "no file with a process ID: $(ls)"
# block FACTS: the stack that follows, functions and lines.
block() {
    awk -v facts="$1" '$0 == facts { on = 1; next } on && !/^    / { exit }
        on { print $1, $2 ($3 ? " " $3 : "") }' peaks.txt
}
[ "$(block '1234 bytes in 1 block, 1 sampled' | head -n 3)" = \
    "shop::Cart::inner peaks.cc:6 (inlined)
shop::Cart::fill peaks.cc:7
main peaks.cc:18" ] || complain "not demangled, or not inlined: $(cat peaks.txt)"
grep -q '^Peak: [0-9]* bytes in [0-9]* blocks, [0-9.]* s after the first; most of it:$' peaks.txt ||
    complain "no peak: $(cat peaks.txt)"
block '2000000 bytes in 20 blocks at the peak' | grep -q '^shop::Cart::fill ' ||
    complain "not the peak: $(cat peaks.txt)"
block '3000 bytes in 300 temporary blocks' | grep -q '^shop::Cart::fill ' ||
    complain "not temporary: $(cat peaks.txt)"
read_profile peaks.pb.gz
grep -qx 'type peak_space bytes' found || complain 'no peak in pprof'
grep -qx 'peak shop::Cart::fill 20 2000000' found || complain "the peak in pprof: $(cat found)"
gzip -dc peaks.pb.gz | strings | grep -q '^_ZN4shop4Cart4fill' || complain 'no mangled system name'
# The picture in a browser: a click makes a box as wide as the picture, names its callers, and the
# search marks boxes.
browser=$(command -v chromium || command -v chromium-browser) || browser=
if [ -n "$browser" ]; then
    {
        echo '<!DOCTYPE html><html><body>'
        sed 1d peaks.svg
        cat <<'END'
<pre id="result"></pre><script>
var boxes = [].slice.call(document.querySelectorAll('svg.graph g'));
var path = document.getElementById('path');
function box(n) {
    return boxes.filter(function (g) {
        return g.querySelector('title').textContent.indexOf(n + ': ') === 0;
    })[0];
}
function width(n) { return Math.round(box(n).querySelector('rect').getAttribute('width')); }
box('shop::Cart::fill').dispatchEvent(new MouseEvent('click', { bubbles: true }));
var said = width('shop::Cart::fill') + ' ' + path.textContent;
window.hakmemMark('Cart::fi');
said += ' ' + path.textContent;
document.getElementById('result').textContent = said;
</script></body></html>
END
    } >peaks.html
    "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/browser" --dump-dom \
        "file://$work/peaks.html" >dom 2>errors || complain "the browser: $?"
    wanted='1180 all › _start .* main › shop::Cart::fill  (.*) 3 boxes with Cart::fi<'
    grep -q "<pre id=\"result\">$wanted" dom || complain "in the browser: $(grep 'id="result"' dom)"
fi
exit "$status"

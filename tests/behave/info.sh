#!/bin/sh
# SPDX-License-Identifier: MIT
# A parser that was written for glibc's malloc_info reads the same elements from libc's and from
# ours, and what they say is true.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

if ! command -v python3 >/dev/null; then
    echo 'python3 is not installed'
    exit 77
fi
cat >"$work/info_main.c" <<'EOF'
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
    static void *block[20000];
    for (int i = 0; i < 20000; i++)
        memset(block[i] = malloc(1000), 1, 1000);
    for (int i = 0; i < 20000; i += 2)
        free(block[i]);
    memset(malloc(8000000), 1, 8000000);
    return malloc_info(0, stdout);
}
EOF
cat >"$work/parse.py" <<'EOF'
import sys
import xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == "malloc" and root.get("version") == "1", root.attrib
def sums(node):
    total = {e.get("type"): (int(e.get("count")), int(e.get("size")))
             for e in node.findall("total")}
    return (total, {e.get("type"): int(e.get("size")) for e in node.findall("system")},
            {e.get("type"): int(e.get("size")) for e in node.findall("aspace")})
heaps = root.findall("heap")
assert heaps and heaps[0].get("nr") == "0"
for heap in heaps:
    total, system, aspace = sums(heap)
    assert "fast" in total and "rest" in total
    assert 0 < system["current"] <= system["max"], system
    assert aspace["total"] > 0 and aspace["mprotect"] > 0
    for size in heap.find("sizes").findall("size"):
        assert int(size.get("from")) <= int(size.get("to"))
        assert int(size.get("total")) >= int(size.get("count")) * int(size.get("from"))
total, system, aspace = sums(root)
free = total["fast"][1] + total["rest"][1]
mib = 1 << 20
assert total["mmap"][0] >= 1 and total["mmap"][1] >= 8000000, total
assert 8 * mib < free < 16 * mib, total               # half of 20 MB was freed
assert 19 * mib < system["current"] < 30 * mib, system  # all of it is still there
assert 8 * mib < system["current"] - free < 12 * mib
EOF
build info_main "$work/info_main.c"
"$work/info_main" >"$work/libc.xml"
HAKMEM_PURGE=no "$HAKMEM_RUN" "$work/info_main" >"$work/ours.xml"
grep -q '<counter ' "$work/ours.xml" || fail 'it is not our malloc_info'
for kind in libc ours; do
    python3 "$work/parse.py" "$work/$kind.xml" || fail "malloc_info of $kind"
done

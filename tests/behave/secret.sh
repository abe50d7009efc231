#!/bin/sh
# SPDX-License-Identifier: MIT
# The secret that guards links: every process has its own, all bits of it are random that can be,
# and they don't come from where the kernel has put the program.
# shellcheck disable=SC2016 # the dollars in quotes are awk's
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

RUNS=200
build secret "$src/dso/secret_main.c"
fixed='setarch -R' # the same addresses each time
$fixed true 2>/dev/null || fixed=
for _ in $(seq "$RUNS"); do
    # shellcheck disable=SC2086 # two words, or none
    LD_PRELOAD=$HAKMEM_SO $fixed "$work/secret" || fail "exit status $?"
done >"$work/secrets"
[ "$(sort -u "$work/secrets" | wc -l)" -eq "$RUNS" ] || fail "a secret came twice"
grep -v '^a5[0-9a-f]\{14\}$' "$work/secrets" && fail "no tag"
# Each bit that may be random is: the last one is always 1, 47 to 55 are 0.
"$AWK" '
{
    for (i = 1; i <= 16; i++) {
        digit = index("0123456789abcdef", substr($0, i, 1)) - 1
        for (bit = 0; bit < 4; bit++)
            ones[(16 - i) * 4 + bit] += int(digit / 2 ^ bit) % 2
    }
}
END {
    for (bit = 1; bit < 47; bit++)
        if (ones[bit] < NR / 4 || ones[bit] > NR * 3 / 4) {
            print "bit " bit " is 1 in " ones[bit] " of " NR " processes"
            bad = 1
        }
    exit bad
}' "$work/secrets" || fail "bits of the secret are not random"

#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that gets other rights than ours is run without the library, and is told so; one whose
# setuid bit changes nothing is preloaded. Needs root, to make such programs.
set -eu
# shellcheck source=tests/tools/common.sh
. "${top_srcdir:?}/tests/tools/common.sh"

if [ "$(id -u)" -ne 0 ]; then
    echo 'skipped: not root'
    exit 77
fi
case $(findmnt -n -o OPTIONS -T "$work") in
*nosuid*)
    echo "skipped: $work is mounted nosuid"
    exit 77
    ;;
esac

without='running it without libhakmem'
compile show <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    const char *preload = getenv("LD_PRELOAD");
    printf("%s\n", preload ? preload : "-");
    return 42;
}
END
cp show setuid && chown nobody setuid && chmod 4755 setuid
cp show setgid && chown :nogroup setgid && chmod 2755 setgid
cp show locked && chown :nogroup locked && chmod 2745 locked # no group execution: no setgid
cp show own && chmod 6755 own
expect 42 - "hakmem-run: ./setuid is setuid: $without" "$run" ./setuid
expect 42 - "hakmem-run: ./setgid is setgid: $without" "$run" ./setgid
expect 42 "$library" '' "$run" ./own
expect 42 "$library" '' "$run" ./locked

# As another user: root's setuid program, and the same with the kernel told to give no new rights.
cp show roots && chmod 4755 roots
as_nobody='setpriv --reuid nobody --regid nogroup --clear-groups'
# shellcheck disable=SC2086 # a list of words
expect 42 - "hakmem-run: ./roots is setuid: $without" $as_nobody "$run" ./roots
# shellcheck disable=SC2086
expect 42 "$library" '' $as_nobody --no-new-privs "$run" ./roots

compile give-capability <<'END'
#include <sys/xattr.h>
int main(int argc, char **argv) {
    /* Version 2, not effective; permitted: CAP_NET_BIND_SERVICE. */
    static const unsigned capability[5] = {0x02000000, 1u << 10, 0, 0, 0};
    return argc != 2 || setxattr(argv[1], "security.capability", capability, sizeof capability, 0);
}
END
cp show capable
if ./give-capability capable; then
    # shellcheck disable=SC2086
    expect 42 - "hakmem-run: ./capable has file capabilities: $without" $as_nobody "$run" ./capable
    expect 42 "$library" '' "$run" ./capable
fi

# Nor does it run with raised rights itself.
cp "$run" raised && chown nobody raised && chmod 4755 raised
expect 125 '' 'hakmem-run: must not be installed setuid, setgid or with capabilities' ./raised true
exit "$status"

#!/bin/sh
# SPDX-License-Identifier: MIT
# libhakmem is opened late, in a process with 20 libraries that use static thread-local storage.
# shellcheck source-path=SCRIPTDIR source=prelude.sh
. "${top_srcdir:?}/tests/behave/prelude.sh"

build tls_main "$src/dso/tls_main.c"
set --
for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    echo "__thread char room_${number}[48]; char *get_$number(void) { return room_$number; }" \
        >"$work/tls.c"
    build_shared "tls$number.so" -ftls-model=initial-exec "$work/tls.c"
    set -- "$@" "$work/tls$number.so"
done
CHECK_ALLOCATOR=any run "$work/tls_main" "$@" "$HAKMEM_SO" || fail "opened late"
run "$HAKMEM_RUN" "$work/tls_main" "$@" "$HAKMEM_SO" || fail "opened late and preloaded"

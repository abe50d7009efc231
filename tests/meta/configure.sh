#!/bin/sh
# SPDX-License-Identifier: MIT
# configure refuses a machine that the library can't run on, and a feature that is asked for and
# can't be had: at once, in one sentence, and as an error. What it must take is shown by the builds
# themselves.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
status=0

# refuses WORDS CONFIGURE-ARGUMENTS...
refuses() {
    words=$1
    shift
    if "${top_srcdir:?}/configure" -q "$@" >out 2>&1; then
        echo "configure takes: $*"
        status=1
    fi
    if [ "$(grep -c error out)" -ne 1 ] || ! grep -q "configure: error: .*$words" out; then
        cat out
        echo "configure $*: no sentence with '$words'"
        status=1
    fi
}

refuses '64-bit Linux.*i686-pc-linux-gnu' --build=x86_64-linux-gnu --host=i686-linux-gnu
refuses '64-bit Linux.*darwin' --build=x86_64-linux-gnu --host=aarch64-apple-darwin22
refuses '64-bit Linux.*riscv64' --build=x86_64-linux-gnu --host=riscv64-linux-gnu
refuses '64-bit Linux.*gnux32' --build=x86_64-linux-gnu --host=x86_64-linux-gnux32
refuses 'address, undefined or thread' --enable-sanitizer=magic
refuses 'shared library' --disable-shared
refuses 'needs gcc' --enable-pgo CC=clang
refuses 'normal builds' --enable-pgo --enable-debug
refuses 'cross-compiling' --enable-pgo --build=x86_64-linux-gnu --host=aarch64-linux-gnu

# The answers of one run that is let through are kept for the next ones.
"${top_srcdir:?}/configure" -q --cache-file=kept >out 2>&1 || {
    cat out
    echo 'configure refuses this machine'
    exit 1
}
# Each header and library that a feature needs, missing by itself.
for missing in header_elfutils_libdwfl_h:libdw header_zlib_h:zlib \
    lib_dw_dwfl_getthread_frames:libdw lib_z_gzopen:zlib; do
    cp kept cache
    refuses "with-libdw: not found: ${missing#*:}" --with-libdw --cache-file=cache \
        "ac_cv_${missing%:*}=no"
done
# Not asked for, it is left out with a warning.
"${top_srcdir:?}/configure" -q --cache-file=kept ac_cv_header_zlib_h=no >out 2>&1 || {
    cat out
    echo 'configure wants zlib without being asked for it'
    status=1
}
grep -q 'WARNING: hakmem-stat will have no --profile; not found: zlib' out || {
    cat out
    echo 'configure leaves --profile out and says nothing'
    status=1
}
# A compiler without sanitizers.
cat >cc <<END
#!/bin/sh
case "\$*" in
*-fsanitize=*) exit 1 ;;
esac
exec $CC "\$@"
END
chmod +x cc
for kind in address thread undefined; do
    refuses "enable-sanitizer=$kind: .*can't build" --enable-sanitizer=$kind CC="$PWD/cc"
done
cat >cc <<END
#!/bin/sh
case "\$*" in
*-std=gnu17*) exit 1 ;;
esac
exec $CC "\$@"
END
refuses 'knows C17' CC="$PWD/cc"
refuses 'unknown options: --enable-profile' --enable-profile
refuses 'unknown options: --with-zlib' --with-zlib --disable-nls
for option in enable-debug enable-werror enable-pgo with-libdw; do
    refuses "$option=maybe: takes yes or no" --$option=maybe
done
exit $status

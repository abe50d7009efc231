# SPDX-License-Identifier: MIT
# The steps of check.sh that need a fresh Debian: install, upgrade, remove, purge; autopkgtests;
# cross-build for arm64. Sourced by check.sh, which runs in mount and process namespaces of its own:
# what is mounted or started here is gone when it ends.
# shellcheck shell=sh

# fresh NAME: a minimal Debian in $work/NAME, copied from one that is made at first use.
fresh() {
    if [ ! -e "$work/base.made" ]; then
        # shellcheck disable=SC2046 # an address and a name
        set -- "$1" $(native_mirror)
        [ $# -eq 3 ] || { echo 'apt has no mirror of this release' && return 1; }
        debootstrap --variant=minbase "$3" "$work/base" "$2" || return 1
        # What apt of this machine has besides, security fixes first of all.
        # shellcheck disable=SC2016 # apt's own variables
        apt-get indextargets --format \
            'deb $(REPO_URI) $(RELEASE) $(COMPONENT) # $(IDENTIFIER) $(CODENAME)' |
            awk -v codename="$3" '$6 == "Packages" && index($7, codename) == 1 &&
                $4 == "main" { sub(/ oldstable/, " " codename); sub(/ #.*/, ""); print }' |
            sort -u >"$work/base/etc/apt/sources.list"
        printf '#!/bin/sh\nexit 101\n' >"$work/base/usr/sbin/policy-rc.d"
        chmod +x "$work/base/usr/sbin/policy-rc.d"
        echo 'APT::Install-Recommends "true";' >"$work/base/etc/apt/apt.conf.d/90check"
        chroot "$work/base" apt-get -q update || return 1
        : >"$work/base.made"
    fi
    cp -a "$work/base" "$work/$1" && mount -t proc proc "$work/$1/proc" &&
        mount -t tmpfs tmpfs "$work/$1/dev/shm"
}

# gone NAME: takes the system away again.
gone() {
    umount "$work/$1/proc" "$work/$1/dev/shm"
    rm -rf --one-file-system "${work:?}/$1"
}

inside() {
    name=$1
    shift
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive chroot "$work/$name" "$@"
}

# repository NAME FOLDER: apt in there finds the packages in FOLDER, and no others of ours.
repository() {
    rm -rf "$work/$1/repository"
    mkdir "$work/$1/repository"
    cp "$2"/*.deb "$work/$1/repository"
    (cd "$work/$1/repository" && dpkg-scanpackages -m . >Packages) || return 1
    echo 'deb [trusted=yes] file:/repository ./' >"$work/$1/etc/apt/sources.list.d/local.list"
    inside "$1" apt-get -q update
}

# Every file and what it is, but for what apt, dpkg and ldconfig keep for themselves.
files_of() {
    find "$work/$1" -xdev \( -path "$work/$1/repository" -o -path "$work/$1/var/lib/apt" \
        -o -path "$work/$1/var/cache" -o -path "$work/$1/var/log" \) -prune -o \
        ! -path '*/var/lib/dpkg/*-old' ! -path '*/var/lib/dpkg/lock*' \
        ! -path '*/etc/ld.so.cache' ! -type d -printf '%P %l\n' | LC_ALL=C sort
}
folders_of() {
    find "$work/$1" -xdev \( -path "$work/$1/repository" -o -path "$work/$1/var/lib/apt" \
        -o -path "$work/$1/var/cache" \) -prune -o -type d -printf '%P\n' | LC_ALL=C sort
}

says_nothing() {
    if grep -E 'ERROR: ld\.so|dpkg: (error|warning)|rror:' "$work/$1.log"; then
        complain "$1: the packages complain"
    fi
}

# in_use NAME: what must work as soon as `apt install libhakmem` is done.
in_use() {
    inside "$1" hakmem-run cat /proc/self/maps >"$work/maps" || complain 'hakmem-run fails'
    grep -q '/libhakmem\.so\.0' "$work/maps" || complain 'hakmem-run without the library'
    inside "$1" hakmem-stat --help >"$work/help" || complain 'hakmem-stat fails'
    for file in usr/share/man/man7/hakmem.7.gz usr/share/man/man1/hakmem-run.1.gz \
        usr/share/man/man1/hakmem-stat.1.gz usr/share/man/man3/hakmem_malloc.3.gz \
        usr/include/hakmem.h usr/share/doc/hakmem/README.Debian \
        usr/share/bash-completion/completions/hakmem-run \
        usr/share/zsh/vendor-completions/_hakmem-stat etc/hakmem/deny; do
        [ -e "$work/$1/$file" ] || complain "not installed: /$file"
    done
}

step_life() {
    fresh life || return 1
    files_of life >"$work/files.before"
    folders_of life >"$work/folders.before"
    log=$work/life.log
    {
        repository life "$work/last" &&
            inside life apt-get -q install -y libhakmem &&
            inside life hakmem-run true &&
            change_settings &&
            repository life "$work/a" &&
            inside life apt-get -q -o Dpkg::Options::=--force-confold dist-upgrade -y
    } >"$log" 2>&1 || { tail -n 20 "$log" && complain 'install or upgrade'; }
    # shellcheck disable=SC2016 # dpkg-query's own variable
    version=$(inside life dpkg-query -W -f '${Version}' libhakmem0)
    [ "$version" = "$packaged" ] || complain "libhakmem0 is of version $version, not $packaged"
    in_use life
    settings_kept 'after an upgrade'
    # The name in /etc/ld.so.preload goes with the library, the rest of it stays.
    echo 'libhakmem.so.0' >"$work/life/etc/ld.so.preload"
    inside life cat /proc/self/maps | grep -q libhakmem || complain 'ld.so.preload has no effect'
    inside life apt-get -q remove -y libhakmem libhakmem0 >"$log" 2>&1 ||
        { tail -n 20 "$log" && complain 'remove'; }
    says_nothing life
    [ ! -e "$work/life/etc/ld.so.preload" ] || complain 'removal leaves ld.so.preload'
    settings_kept 'after a removal'
    inside life apt-get -q install -y libhakmem0 >"$log" 2>&1 || complain 'install again'
    printf 'libc.so.6:libhakmem.so.0\nlibm.so.6 /usr/lib/libhakmem.so.0 libdl.so.2\n' \
        >"$work/life/etc/ld.so.preload"
    inside life apt-get -q remove -y libhakmem0 >"$log" 2>&1 || complain 'remove again'
    left=$(tr -s ' :\n' '   ' <"$work/life/etc/ld.so.preload")
    [ "$left" = 'libc.so.6 libm.so.6 libdl.so.2 ' ] || complain "left in ld.so.preload: $left"
    rm "$work/life/etc/ld.so.preload"
    inside life apt-get -q purge -y --autoremove '^libhakmem.*' '^hakmem$' >"$log" 2>&1 ||
        { tail -n 20 "$log" && complain 'purge'; }
    says_nothing life
    rm "$work/life/etc/apt/sources.list.d/local.list"
    files_of life | diff "$work/files.before" - || complain 'files differ: < before, > after'
    folders_of life | grep -v '^var/log' >"$work/folders.after"
    grep -v '^var/log' "$work/folders.before" | diff - "$work/folders.after" ||
        complain 'folders differ: < before, > after'
    gone life
}

# Settings in /etc/hakmem that an administrator has changed stay as they are until the purge.
change_settings() {
    for file in "$work/life/etc/hakmem/"*; do
        [ ! -e "$file" ] || echo '# changed by hand' >>"$file"
    done
}
settings_kept() {
    for file in "$work/life/etc/hakmem/"*; do
        [ ! -e "$file" ] || grep -q 'changed by hand' "$file" || complain "$file changed $1"
    done
}

step_autopkgtest() {
    fresh tests || return 1
    result=0
    autopkgtest --output-dir "$work/autopkgtest" "$work/a/"*.changes \
        -- chroot "$work/tests" >"$work/autopkgtest.log" 2>&1 || result=$?
    grep -E ' (PASS|FAIL|SKIP)' "$work/autopkgtest/summary" ||
        { tail -n 30 "$work/autopkgtest.log" && complain 'no summary'; }
    if [ "$result" -ne 0 ] && [ "$result" -ne 2 ]; then # 2: some were skipped
        grep -B 12 'failed: ' "$work/autopkgtest.log" || tail -n 30 "$work/autopkgtest.log"
        complain "autopkgtest: exit status $result"
    fi
    gone tests
}

# In a fresh system with nothing but what the source asks for; the packages are then installed
# beside the native ones, and the smoke test runs under the emulator.
step_cross() {
    fresh cross || return 1
    log=$work/cross.log
    mkdir "$work/cross/source"
    tar -C "$work/cross/source" --strip-components=1 -xf "$work/a/"*.orig.tar.xz
    rm -rf "$work/cross/source/debian"
    tar -C "$work/cross/source" -xf "$work/a/"*.debian.tar.xz
    {
        inside cross dpkg --add-architecture arm64 &&
            inside cross apt-get -q update &&
            inside cross apt-get -q install -y --no-install-recommends crossbuild-essential-arm64 \
                libc6-dev:arm64 qemu-user-static pkgconf &&
            inside cross apt-get -q build-dep -y -aarm64 -Pcross,nocheck /source &&
            inside cross env -C /source dpkg-buildpackage -us -uc -b -aarm64 -Pcross,nocheck
    } >"$log" 2>&1 || { tail -n 30 "$log" && complain 'cross-build' && gone cross && return; }
    mkdir "$work/arm64" && cp "$work/cross/"*.deb "$work/arm64"
    cp "$work/a/"*.deb "$work/arm64"
    {
        repository cross "$work/arm64" &&
            inside cross apt-get -q install -y libhakmem-dev:arm64 libhakmem-dev
    } >"$log" 2>&1 || { tail -n 20 "$log" && complain 'arm64 beside the native packages'; }
    inside cross env CROSS=aarch64-linux-gnu EMULATE=qemu-aarch64-static \
        sh /source/debian/tests/build || complain 'the smoke test of arm64'
    cat >"$work/cross/plain.c" <<'C'
#include <stdlib.h>
int main(void) {
    void *volatile block = malloc(10);
    free(block);
    free(block);
}
C
    inside cross aarch64-linux-gnu-gcc -O0 -o plain plain.c
    inside cross qemu-aarch64-static -E LD_PRELOAD=libhakmem.so.0 ./plain >"$log" 2>&1 || true
    grep -q '^hakmem: fatal: double-free' "$log" || complain "arm64: a preload: $(cat "$log")"
    inside cross sh /source/debian/tests/build || complain 'the smoke test of the native packages'
    gone cross
}

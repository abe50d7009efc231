# SPDX-License-Identifier: MIT
# The steps of check.sh that need nothing but the packages: two builds from two sources, the same
# bits, lintian, hardening, names and types, later releases. Sourced by check.sh.
# shellcheck shell=sh

# build FOLDER TREE [VARIABLE=VALUE...]: dpkg-buildpackage in TREE, whose parent is FOLDER.
build() {
    folder=$1
    tree=$2
    shift 2
    (cd "$tree" && env "$@" dpkg-buildpackage -us -uc) >"$folder/build.log" 2>&1 || {
        grep -E '^FAIL:|(^| )error:' "$folder/build.log" | head -n 20
        tail -n 20 "$folder/build.log"
        return 1
    }
    grep -q 'upload (original source is included)' "$folder/build.log" ||
        complain 'the source was not built'
    if grep -nE '(lib|tools)/[^ ]*[0-9]: warning: ' "$folder/build.log"; then
        complain 'the compiler warns of the library or a tool'
    fi
}

# From a clean clone, or, where this is no clone, from a copy. $work/a holds what is made.
step_clone() {
    mkdir -p "$work/a"
    if [ -e "$top/.git" ]; then
        git clone -q "$top" "$work/a/libhakmem" || return 1
        [ -z "$(git -C "$top" status --porcelain)" ] ||
            echo 'what is not committed is not in the packages that are looked at'
    else
        mkdir "$work/a/libhakmem"
        (cd "$top" && tar -cf - --exclude=./build .) | tar -C "$work/a/libhakmem" -xf -
    fi
    # The release archive is made in a second copy: the clone stays clean.
    cp -a "$work/a/libhakmem" "$work/made"
    make_archive "$work/made" "$work/made.build" "$work/a" >"$work/archive.log" 2>&1 ||
        { tail -n 20 "$work/archive.log" && return 1; }
    rm -rf "$work/made" "$work/made.build"
    build "$work/a" "$work/a/libhakmem" || return 1
    # The library is held to the same rules as one that was built without a package's flags.
    (cd "$work/a/libhakmem/debian/build" && . tests/environment &&
        sh "$top/tests/meta/fastpath.sh") || complain 'the fast paths of the packaged library'
    (cd "$work/a/libhakmem" && debian/rules clean) >"$work/clean.log" 2>&1 ||
        complain 'clean fails'
    if [ -e "$work/a/libhakmem/.git" ]; then
        left=$(git -C "$work/a/libhakmem" status --porcelain --ignored)
        [ -z "$left" ] || complain "left after clean: $left"
        # What is not in the release archive would be missing from the source package.
        git -C "$work/a/libhakmem" ls-files | grep -v '^\.gitignore$' | LC_ALL=C sort \
            >"$work/tracked"
        tar -tf "$work/a/"*.orig.tar.xz | sed 's|^[^/]*/||' | LC_ALL=C sort |
            LC_ALL=C comm -23 "$work/tracked" - >"$work/lost"
        [ ! -s "$work/lost" ] || complain "not in the release archive: $(cat "$work/lost")"
    fi
}

# From the release archive, in another place and at another time, by one process, without tests.
step_archive() {
    folder=$work/b/another/and/longer/path
    mkdir -p "$folder"
    cp "$work/a/"*.orig.tar.xz "$folder/"
    tar -C "$folder" -xf "$folder/"*.orig.tar.xz
    (umask 002 && build "$folder" "$folder/libhakmem-$version" LC_ALL=C TZ=Pacific/Chatham \
        LANGUAGE=de HOME=/nonexistent DEB_BUILD_OPTIONS='nocheck parallel=1')
}

step_same_bits() {
    folder=$work/b/another/and/longer/path
    count=0
    for package in "$work/a/"*.deb; do
        other=$folder/${package##*/}
        count=$((count + 1))
        cmp -s "$package" "$other" && continue
        complain "${package##*/} differs"
        diffoscope --text - --max-report-size 4000 "$package" "$other"
    done
    echo "$count packages of each build"
    [ "$count" -eq 6 ] || complain "$count packages, not 6"
}

step_lintian() {
    for changes in "$work/a/"*.changes "$work/b/another/and/longer/path/"*.changes; do
        lintian -EvIL +pedantic --show-overrides --fail-on none "$changes" \
            >"$work/lintian.log" 2>&1
        if grep '^[EWIPXC]: ' "$work/lintian.log"; then
            complain "lintian: $changes"
        fi
        # It looks at the packages: it finds what is overridden.
        grep -q '^O: libhakmem0: ' "$work/lintian.log" || complain "$(cat "$work/lintian.log")"
    done
    for file in "$work/a/libhakmem/debian/"*lintian-overrides \
        "$work/a/libhakmem/debian/source/lintian-overrides"; do
        head -n 1 "$file" | grep -q '^# ' || complain "$file: an override without an explanation"
    done
}

step_hardening() {
    for options in '' --bindnow; do
        # shellcheck disable=SC2086 # none or one
        blhc $options "$work/a/build.log" || complain "blhc $options"
    done
    for package in libhakmem0 hakmem; do
        dpkg-deb -x "$work/a/${package}_${packaged}_"*.deb "$work/unpacked"
    done
    for file in "$work/unpacked/usr/bin/"* "$work/unpacked/usr/lib/"*/libhakmem.so.0.*; do
        # --nocfprotection: gcc of Debian 12 is not told to; later ones are by dpkg. A library that
        # calls none of the functions that have a checking twin has none of the twins.
        case $file in
        */bin/*) options='' ;;
        *) options='--nopie --nofortify' ;;
        esac
        # shellcheck disable=SC2086 # none or two
        hardening-check --nocfprotection $options "$file" >"$work/hardening.log" 2>&1 ||
            complain "$(cat "$work/hardening.log")"
    done
}

# The packages as they were: of the last release, else of the last commit that had any.
last_source() {
    commit=
    if [ -e "$top/.git" ]; then
        tag=$(git -C "$top" describe --tags --abbrev=0 2>/dev/null) || tag=
        for candidate in $tag HEAD~1; do
            if git -C "$top" cat-file -e "$candidate:debian/control" 2>/dev/null; then
                commit=$candidate
                break
            fi
        done
    fi
    if [ -n "$commit" ]; then
        echo "the last packages: of $(git -C "$top" log -1 --format='%h, %s' "$commit")"
        git -C "$top" archive "$commit" | tar -C "$work/last/source" -xf -
    else
        echo 'no earlier packages are known: these are taken for them'
        tar -C "$work/last/source" --strip-components=1 -xf "$work/a/"*.orig.tar.xz
    fi
}

# hakmem.h's types and the exported names against those of the last packages. More is no break.
same_interface() {
    result=0
    abipkgdiff --d1 "$work/last/libhakmem0-dbgsym_"*.deb --d2 "$work/a/libhakmem0-dbgsym_"*.deb \
        --devel1 "$work/last/libhakmem-dev_"*.deb --devel2 "$work/a/libhakmem-dev_"*.deb \
        "$work/last/libhakmem0_"*.deb "$work/a/libhakmem0_"*.deb >"$work/abi.log" 2>&1 || result=$?
    # Bits: 1 failure, 2 usage, 4 a change, 8 a break.
    if [ $((result & 11)) -ne 0 ]; then
        cat "$work/abi.log"
        complain "abipkgdiff: $result"
    fi
}

step_abi() {
    mkdir -p "$work/last/source"
    last_source || return 1
    sed -i '1s/(\(.*\))/(\1~last)/' "$work/last/source/debian/changelog"
    (cd "$work/last/source" && DEB_BUILD_OPTIONS='nocheck nopgo' dpkg-buildpackage -us -uc -b) \
        >"$work/last/build.log" 2>&1 || { tail -n 20 "$work/last/build.log" && return 1; }
    same_interface
    # The symbols file names what the tree's own list names.
    {
        echo HAKMEM_0@HAKMEM_0
        sed 's/#.*//; s/@@/@/' "$top/tests/meta/symbols.expected" |
            awk 'NF { print ($1 ~ /@/ ? $1 : $1 "@Base") }'
    } | LC_ALL=C sort >"$work/names.wanted"
    sed -n 's/^ \([^ ]*\) .*/\1/p' "$top/debian/libhakmem0.symbols" | LC_ALL=C sort |
        diff "$work/names.wanted" - || complain 'symbols: < tests/meta/symbols.expected, > debian'
    dpkg-deb -f "$work/a/libhakmem0_${packaged}_"*.deb Depends | tee "$work/depends"
    grep -qE '^libc6 \(>= [0-9.]+\)$' "$work/depends" ||
        complain 'libhakmem0 depends on more than libc'
}

step_releases() {
    sh "$top/tests/deb/releases.sh" "$top" "$work/releases" || complain 'another release'
}

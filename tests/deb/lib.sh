# SPDX-License-Identifier: MIT
# What the scripts of this folder share; sourced by each. Needs top, the source tree.
# shellcheck shell=sh
LC_ALL=C.UTF-8
export LC_ALL
unset MAKEFLAGS MFLAGS MAKELEVEL LD_PRELOAD DEB_BUILD_OPTIONS DEB_BUILD_PROFILES
unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS CC CXX

complain() {
    echo "failed: $*"
    # shellcheck disable=SC2034 # whoever sources this returns it
    status=1
}

# upstream_version TREE: what configure.ac says; the changelog must agree.
upstream_version() {
    said=$(sed -n 's/^AC_INIT(\[libhakmem\], \[\([^]]*\)\].*/\1/p' "$1/configure.ac")
    packaged=$(dpkg-parsechangelog -l "$1/debian/changelog" -S Version)
    if [ -z "$said" ] || [ "${packaged%-*}" != "$said" ]; then
        echo "configure.ac says version '$said', debian/changelog $packaged" >&2
        return 1
    fi
    echo "$said"
}

# make_archive TREE WORK FOLDER: the release archive of TREE, in FOLDER under the name that
# dpkg-source asks for.
make_archive() {
    version=$(upstream_version "$1") || return 1
    [ -e "$1/configure" ] || (mkdir -p "$1/m4" && cd "$1" && autoreconf -fi) || return 1
    mkdir -p "$2" "$3"
    (cd "$2" && "$1/configure" -q && make -s dist) || return 1
    mv "$2/libhakmem-$version.tar.xz" "$3/libhakmem_$version.orig.tar.xz"
}

# native_mirror: the address from which apt has this machine's own release, and its name.
native_mirror() {
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(IDENTIFIER) $(CODENAME) $(COMPONENT) $(REPO_URI)' |
        awk -v codename="$codename" '
        $1 == "Packages" && $2 == codename && $3 == "main" { print $4, codename; exit }'
}

# apt_root STATE RELEASE: makes the folder STATE an apt of that Debian release, with nothing
# installed, from the mirror that this machine uses. Fails where the mirror does not have it.
apt_root() {
    # shellcheck disable=SC2046 # an address and a name
    set -- "$1" "$2" $(native_mirror)
    [ $# -eq 4 ] || return 1
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
    : >"$1/status"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [signed-by=$keyring] $3 $2 main" >"$1/sources.list"
    apt_in "$1" apt-get update
}

# apt_in STATE PROGRAM ARGUMENT...: apt-get or apt-cache of what apt_root has made.
apt_in() {
    apt_state=$1
    apt_program=$2
    shift 2
    "$apt_program" -q -o Dir::Etc::sourcelist="$apt_state/sources.list" \
        -o Dir::Etc::sourceparts=/none -o Dir::State::lists="$apt_state/lists" \
        -o Dir::State::status="$apt_state/status" -o Dir::Cache="$apt_state/cache" \
        -o APT::Install-Recommends=no -o APT::Sandbox::User="$(id -un)" "$@"
}

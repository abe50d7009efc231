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

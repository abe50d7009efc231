#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the Debian packages of the source tree: the release archive, unpacked, is given to
# dpkg-buildpackage. Usage: build.sh TREE FOLDER; all that is made is left in FOLDER.
set -eu
top=$1
mkdir -p "$2"
folder=$(CDPATH='' cd -- "$2" && pwd)
# shellcheck source=tests/deb/lib.sh
. "$top/tests/deb/lib.sh"

rm -rf "${folder:?}"/*
make_archive "$top" "$folder/work" "$folder"
version=$(upstream_version "$top")
tar -C "$folder" -xf "$folder/libhakmem_$version.orig.tar.xz"
rm -rf "$folder/work"
cd "$folder/libhakmem-$version"
dpkg-buildpackage -us -uc
cd ..
rm -rf "$folder/libhakmem-$version"

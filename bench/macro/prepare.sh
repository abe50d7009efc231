#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes what the macro rows compile into the folder named.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
awk -f "$here/functions.awk" >"$1/functions.c"
awk -f "$here/templates.awk" >"$1/templates.cc"

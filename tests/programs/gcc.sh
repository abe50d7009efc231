#!/bin/sh
# SPDX-License-Identifier: MIT
# gcc, g++ and clang on a long generated C file and on a C++ file full of templates: the objects and
# the linked programs are the same to the bit.
. "$(dirname "$0")/lib.sh"
need gcc g++ clang awk
mkdir "$work/src"
awk -v functions=$((200 * scale)) -f "$here/gcc_long.awk" >"$work/src/long.c"
cp "$here/gcc_templates.cc" "$work/src/templates.cc"
echo 'int main(void) { return 0; }' >"$work/src/small.c"
served cc1 gcc -c "$work/src/small.c"
served as gcc -c "$work/src/small.c"
served cc1plus g++ -x c++ -c "$work/src/small.c"
served 'ld\(\.bfd\)\{0,1\}' gcc "$work/src/small.c"
served 'libLLVM-[0-9]*.so.[0-9]*' clang -c "$work/src/small.c"
cat >"$work/build" <<'SCRIPT'
set -e
gcc -O2 -g -Wall -Wno-unused -c "$1/long.c" -o long.o
g++ -std=c++17 -O2 -g -frandom-seed=1 -c "$1/templates.cc" -o templates.o
g++ templates.o -o templates
clang -O2 -c "$1/long.c" -o long.clang.o
gcc -O1 -flto=2 -frandom-seed=1 -shared -fPIC "$1/long.c" -o long.so
./templates
size long.o templates.o templates long.clang.o | tail -n +2
SCRIPT
same objects sh "$work/build" "$work/src"

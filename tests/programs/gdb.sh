#!/bin/sh
# SPDX-License-Identifier: MIT
# gdb, which holds the symbols of a program in memory and brings a Python: what it says of a C++
# program with debugging information, which it does not start.
. "$(dirname "$0")/lib.sh"
need gdb g++
g++ -std=c++17 -g -O1 "$here/gcc_templates.cc" -o "$work/program" || exit 99
served gdb gdb -nx -batch -ex 'python print("x" * 1000)'
same symbols gdb -nx -batch -ex 'info functions weigh|grow|count_words' -ex 'info types Tree' \
    -ex 'ptype Tree' -ex 'ptype Leaf' -ex 'list grow' -ex 'disassemble /s main' \
    -ex 'info scope catch_many' -ex 'info line main' -ex 'info variables' \
    -ex 'python print(sorted(f.name for f in gdb.lookup_type("Tree").fields()))' "$work/program"

#!/bin/sh
# SPDX-License-Identifier: MIT
# perl: strings, hashes, sorting, regular expressions, many small processes made by fork, threads.
. "$(dirname "$0")/lib.sh"
need perl
served perl perl -e 'print "x" x 1000'
PERL_HASH_SEED=0
export PERL_HASH_SEED
same work perl "$here/work.pl" "$scale"

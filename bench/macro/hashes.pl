# SPDX-License-Identifier: MIT
# Hashes of hashes, arrays and strings that grow, for the row perl_hashes. The argument is the share
# of the work in percent.
use strict;
use warnings;
my $turns = int(6 * $ARGV[0] / 100) || 1;
my $total = 0;
for my $turn (1 .. $turns) {
    my %all;
    for my $number (1 .. 120000) {
        my $key = 'k' . ($number * 7919 % 30011);
        push @{ $all{$key}{list} }, $number;
        $all{$key}{text} .= "part $number,";
        delete $all{ 'k' . ($number % 30011) } if $number % 5 == 0;
    }
    $total += length join ',', map { $all{$_}{text} // '' } sort keys %all;
}
print "$total\n";

# SPDX-License-Identifier: MIT
# What perl.sh runs: prints digests of work on hashes, lists, strings, processes and threads.
use strict;
use warnings;
use Config;
use Digest::MD5 qw(md5_hex);
use List::Util qw(shuffle sum);
my $scale = shift // 1;
my $state = 12345;

sub random {
    $state = ($state * 1103515245 + 12345) & 0x7fffffff;
    return ($state >> 8) % shift;
}

sub say_digest {
    my ($what, @values) = @_;
    print "$what: ", scalar(@values), ' ', md5_hex(join "\n", @values), "\n";
}

my %words;
for (1 .. 60_000 * $scale) {
    my $word = join '', map { chr(97 + random(26)) } 1 .. 1 + random(4);
    push @{$words{$word}}, random(1000);
    delete $words{$word} if random(50) == 0;
}
say_digest('hash', map { "$_ @{$words{$_}}" } sort keys %words);
say_digest('sort', sort { @{$words{$b}} <=> @{$words{$a}} || $a cmp $b } keys %words);

my $text = join ' ', map { $_ x (1 + random(3)) } sort keys %words;
my $count = 0;
$text =~ s/\b(\w)(\w*)\1\b/$count++; "<$1|" . reverse($2) . ">"/ge;
say_digest('regex', $count, split / /, $text);
my $long = '';
$long .= pack('Nw/a*', $_, 'z' x random(200)) for 1 .. 40_000 * $scale;
say_digest('grow', $long, map { substr $long, random(length $long), 50 } 1 .. 1000);

my @tree;
for my $round (1 .. 20) {
    @tree = map { {left => $tree[$_], right => [$round, $_], name => "n$_" x random(9)} } 0 .. 3000;
}
my $depth = 0;
for (my $node = $tree[17]; $node; $node = $node->{left}) { $depth += length $node->{name} }
say_digest('tree', $depth);

my @results;
for my $batch (1 .. 3) {
    my @children;
    for my $child (1 .. 20) {
        pipe(my $in, my $out) or die "pipe: $!";
        my $pid = fork // die "fork: $!";
        if ($pid == 0) {
            my %copy = map { $_ => scalar @{$words{$_}} } keys %words if $child % 5 == 0;
            print {$out} sum(values %copy, $batch, $child), "\n";
            close $out;
            exit 0;
        }
        close $out;
        push @children, [$pid, $in];
    }
    for (@children) {
        my ($pid, $in) = @$_;
        push @results, scalar <$in>;
        waitpid $pid, 0;
        die "child: status $?" if $?;
    }
}
say_digest('fork', @results);

if ($Config{useithreads}) {
    require threads;
    my @threads = map {
        my $seed = $_;
        threads->create(sub {
            $state = $seed;
            my %own;
            $own{random(5000)} .= chr(32 + random(90)) for 1 .. 20_000;
            return md5_hex(map { "$_$own{$_}" } sort keys %own);
        })
    } 1 .. 4;
    say_digest('threads', map { $_->join } @threads);
}

<?php
// SPDX-License-Identifier: MIT
// What php.sh runs: prints digests of work on arrays, strings, objects and processes.
declare(strict_types=1);
$scale = (int) ($argv[1] ?? 1);
mt_srand(7);

function say(string $what, mixed $value): void
{
    echo $what, ': ', sha1(serialize($value)), "\n";
}

final class Node
{
    public ?Node $left = null;
    public ?Node $parent = null;
    public function __construct(public string $name)
    {
    }
}

$words = [];
for ($i = 0; $i < 150000 * $scale; $i++) {
    $words[base_convert((string) mt_rand(0, 20000), 10, 36)][] = mt_rand(0, 999);
    if ($i % 100 === 0) {
        array_shift($words);
    }
}
ksort($words, SORT_STRING);
say('array', $words);
say('json', json_decode(json_encode($words), true));
uasort($words, fn ($a, $b) => array_sum($a) <=> array_sum($b) ?: count($a) <=> count($b));
say('sort', array_map('count', $words));
$text = implode(' ', array_keys($words));
say('regex', preg_replace_callback('/(\w)(\w+)\b/', fn ($m) => strrev($m[2]) . $m[1], $text));
$long = '';
for ($i = 0; $i < 100000; $i++) {
    $long .= str_repeat(chr(97 + $i % 26), $i % 50);
}
say('string', [strlen($long), md5($long), substr_count($long, 'aaa')]);
say('packed', unserialize(serialize(array_chunk($words, 7))));

for ($round = 0; $round < 50; $round++) {
    $last = null;
    for ($i = 0; $i < 2000; $i++) {
        $node = new Node("node $i");
        $node->left = $last;
        if ($last !== null) {
            $last->parent = $node;
        }
        $last = $node;
    }
}
$node = $last = null;
say('cycles', gc_collect_cycles() > 0);

function numbers(int $to): Generator
{
    for ($i = 0; $i < $to; $i++) {
        yield "n$i" => str_repeat((string) $i, 3);
    }
}
say('generator', iterator_to_array(numbers(20000)));
$fixed = new SplFixedArray(50000);
foreach ($fixed as $i => $nothing) {
    $fixed[$i] = [$i, (string) $i];
}
say('fixed', $fixed->toArray());
$heap = new SplMinHeap();
for ($i = 0; $i < 20000; $i++) {
    $heap->insert([mt_rand(0, 1000), $i]);
}
say('heap', array_map(fn () => $heap->extract(), range(1, 500)));
$children = [];
for ($i = 1; $i <= 15; $i++) {
    $children[] = shell_exec("seq $i 40");
}
say('children', $children);

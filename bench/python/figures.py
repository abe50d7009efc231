# SPDX-License-Identifier: MIT
"""Owns the CSV and what is computed from it: medians, spread, ratios pair by pair."""
import csv
import math
import statistics

COLUMNS = ['row', 'group', 'figure', 'allocator', 'role', 'round', 'ops', 'wall_ns', 'cpu_ns',
           'peak_kib', 'faults', 'settled_kib', 'live_kib', 'tail_ns', 'maps', 'child_ns',
           'child_faults', 'new_faults']
PER_OPERATION = ('wall_ns', 'cpu_ns')


def parse_line(line):
    """'NAME key=value...' as bench_micro and bench_launch print it; None for any other line."""
    words = line.split()
    if len(words) < 2 or not all('=' in word for word in words[1:]):
        return None
    return dict(word.split('=', 1) for word in words[1:])


def value_of(record, figure):
    text = record.get(figure) or ''
    if text == '':
        return None
    value = float(text)
    if figure in PER_OPERATION:
        value /= float(record['ops'])
    return value


class Figures:
    """All runs of one CSV."""

    def __init__(self, facts, records):
        self.facts = facts
        self.records = records
        self.rows = list(dict.fromkeys(record['row'] for record in records))
        self.allocators = list(dict.fromkeys(record['allocator'] for record in records))
        self.role = {record['allocator']: record['role'] for record in records}
        self.by_key = {}
        self.row_info = {}
        for record in records:
            key = record['row'], record['allocator']
            self.by_key.setdefault(key, {})[record['round']] = record
            self.row_info[record['row']] = record['group'], record['figure']

    def group(self, row):
        return self.row_info[row][0]

    def figure(self, row):
        return self.row_info.get(row, ('', ''))[1]

    def values(self, row, allocator, figure=None):
        figure = figure or self.figure(row)
        runs = self.by_key.get((row, allocator), {})
        pairs = {number: value_of(run, figure) for number, run in runs.items()}
        return {number: value for number, value in pairs.items() if value is not None}

    def median(self, row, allocator, figure=None):
        values = self.values(row, allocator, figure)
        return statistics.median(values.values()) if values else None

    def spread(self, row, allocator, figure=None):
        """Half the range between the quartiles, as a share of the median."""
        values = sorted(self.values(row, allocator, figure).values())
        middle = statistics.median(values) if values else 0
        if len(values) < 2 or middle == 0:
            return 0.0
        quarters = statistics.quantiles(values, n=4, method='inclusive')
        return (quarters[2] - quarters[0]) / 2 / middle

    def ratio(self, row, ours, other, figure=None):
        """The median of the quotients of runs of the same round."""
        mine = self.values(row, ours, figure)
        theirs = self.values(row, other, figure)
        quotients = [mine[number] / theirs[number] for number in mine
                     if number in theirs and theirs[number] > 0]
        return statistics.median(quotients) if quotients else None

    def timed_rows(self):
        """The rows of speed that are about time."""
        return [row for row in self.rows
                if self.group(row) != 'memory' and self.figure(row).endswith('_ns')]

    def peers(self):
        return [name for name in self.allocators if self.role[name] == 'peer']

    def best_peer(self, row, figure=None):
        medians = {name: self.median(row, name, figure) for name in self.peers()}
        known = {name: value for name, value in medians.items() if value is not None}
        return min(known, key=known.get) if known else None


def geometric_mean(values):
    values = [value for value in values if value]
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


def write_csv(path, facts, records):
    with open(path, 'w', encoding='utf-8', newline='') as out:
        for key, value in facts.items():
            out.write(f'# {key}: {value}\n')
        writer = csv.DictWriter(out, COLUMNS, extrasaction='ignore', lineterminator='\n')
        writer.writeheader()
        writer.writerows(records)


def read_csv(path):
    facts, lines = {}, []
    with open(path, encoding='utf-8', newline='') as text:
        for line in text:
            if line.startswith('# '):
                key, _, value = line[2:].rstrip('\n').partition(': ')
                facts[key] = value
            else:
                lines.append(line)
    return Figures(facts, list(csv.DictReader(lines)))

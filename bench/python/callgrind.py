# SPDX-License-Identifier: MIT
"""Owns the reading of what callgrind writes (instructions, branches and caches are simulated)."""
import collections
import os
import re
import subprocess


class Profile:
    """Own costs by function and by instruction of one run, or of one object (a base name) in it.
    Addresses are those of the object's file."""

    def __init__(self, path, only=None):
        self.events = []
        self.only = only
        self.functions = collections.defaultdict(collections.Counter)
        self.instructions = collections.defaultdict(collections.Counter)
        with open(path, encoding='utf-8', errors='replace') as lines:
            self.read(lines)

    def read(self, lines):
        function, skip, subposition = '', False, re.compile(r'0x[0-9a-f]+ ')
        wanted = True
        for line in lines:
            if line.startswith('events: '):
                self.events = line.split()[1:]
            elif line.startswith('fn='):
                function = line[3:].strip().split("'")[0]
            elif line.startswith('ob='):
                wanted = self.only is None or os.path.basename(line[3:].strip()) == self.only
            elif line.startswith('calls='):
                skip = True
            elif subposition.match(line):
                # The line after calls= is the cost of what was called.
                if wanted and not skip:
                    self.add(function, line.split())
                skip = False

    def add(self, function, words):
        costs = dict(zip(self.events, map(int, words[2:])))
        self.functions[function].update(costs)
        self.instructions[function, int(words[0], 16)].update(costs)

    def total(self, names=None, without=()):
        sums = collections.Counter()
        for name, costs in self.functions.items():
            if name not in without and (names is None or name in names):
                sums.update(costs)
        return sums


# Caches of a common size, so that figures of different machines can be compared.
CACHES = ['--I1=32768,8,64', '--D1=49152,12,64', '--LL=33554432,16,64']


def record(command, out):
    """Runs a command under callgrind; valgrind is told to leave malloc alone."""
    done = subprocess.run(['valgrind', '--tool=callgrind', '--quiet', '--branch-sim=yes',
                    '--cache-sim=yes', *CACHES, '--dump-instr=yes', '--compress-strings=no',
                    '--compress-pos=no', '--soname-synonyms=somalloc=nouserintercepts',
                    f'--callgrind-out-file={out}'] + command,
                   check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit('bench/hotspots: valgrind fails: ' + done.stderr[-1000:])
    return Profile(out)


def annotate(profile, function, library):
    """The disassembly of a function with the costs of each instruction before it."""
    listing = subprocess.run(['objdump', '-d', '--no-show-raw-insn', f'--disassemble={function}',
                              library], capture_output=True, text=True, check=True).stdout
    lines = [f'{"Ir":>10} {"Bcm":>8} {"D1m":>8}  {function} (simulated)']
    for line in listing.splitlines():
        found = re.match(r'\s+([0-9a-f]+):', line)
        if found is None:
            continue
        costs = collections.Counter()
        for (_, address), cost in profile.instructions.items():
            if address == int(found.group(1), 16):
                costs.update(cost)
        misses = costs['D1mr'] + costs['D1mw']
        lines.append(f'{costs["Ir"]:10} {costs["Bcm"] + costs["Bim"]:8} {misses:8} {line.strip()}')
    return lines

# SPDX-License-Identifier: MIT
"""Owns the allocators: where their libraries are, and the proof that a preload took effect."""
import collections
import glob
import os
import re
import subprocess

from options import complain
from rows import table_lines

Allocator = collections.namedtuple('Allocator', 'name role library environment')


def find_library(name):
    """The path of a library that the dynamic linker knows by its name."""
    listing = subprocess.run(['/sbin/ldconfig', '-p'], capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        words = line.split()
        if words and words[0] == name and 'x32' not in line:
            return words[-1]
    return None


def library_path(library, build):
    if library == '-':
        return ''
    if library.startswith('@build@'):
        return library.replace('@build@', build)
    return find_library(library) or library


def read_allocators(folder, build):
    known = {}
    path = os.path.join(folder, 'allocators.tab')
    for name, role, library, _, environment in table_lines(path, 5):
        pairs = [] if environment == '-' else environment.split()
        known[name] = Allocator(name, role, library_path(library, build), pairs)
    return known


def choose_allocators(known, words):
    """WORDS are names of allocators.tab or NAME=PATH; without any: ours, the peers, the limit."""
    if not words:
        chosen = [one for one in known.values() if one.role != 'variant']
    else:
        chosen = []
        for word in words:
            name, equals, path = word.partition('=')
            if equals:
                chosen.append(Allocator(name, 'peer', os.path.abspath(path), []))
            elif name in known:
                chosen.append(known[name])
            else:
                complain(f'no such allocator: {word}')
    for one in chosen:
        if one.library and not os.path.exists(one.library):
            complain(f'{one.name}: no {one.library} (./bootstrap bench installs what is missing)')
    return chosen


BINDING = re.compile(r'binding file (\S+) \[0\] to (\S+) \[0\]: \w+ symbol '
                     r"`(malloc|calloc|realloc|posix_memalign|_Znwm)'")


def check_bindings(allocator, wanted_object, prefix):
    """Reads what LD_DEBUG=bindings wrote: every allocating name that an object of the row asks for
    must have been found in the allocator's library. Returns a complaint, or None."""
    wanted = os.path.basename(allocator.library) if allocator.library else r'libc.so.6'
    served = 0
    for path in glob.glob(prefix + '.*'):
        with open(path, encoding='utf-8', errors='replace') as lines:
            for line in lines:
                found = BINDING.search(line)
                if not found:
                    continue
                asking, giving = (os.path.basename(part) for part in found.groups()[:2])
                if not re.fullmatch(wanted_object, asking):
                    continue
                if found.group(3) == '_Znwm' and giving.startswith('libstdc++'):
                    continue
                # A fixed-address program that takes malloc's address gets that of its own stub.
                if asking == giving:
                    continue
                if giving != wanted:
                    return f'{asking} gets {found.group(3)} from {giving}, not from {wanted}'
                served += 1
    return None if served else f'no {wanted_object} that takes its malloc from {wanted}'

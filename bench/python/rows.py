# SPDX-License-Identifier: MIT
"""Owns the reading of rows.tab: what rows there are, and the command of each."""
import collections
import os
import shlex

from options import complain

FIELDS = 'name group figure set floor object command'
Row = collections.namedtuple('Row', FIELDS)
# What is filled into a command for each set.
SETS = {'full': {'scale': '100', 'settle': '3000'}, 'quick': {'scale': '30', 'settle': '200'}}


def table_lines(path, columns):
    """The rows of a table of words; the last column takes the rest of the line."""
    with open(path, encoding='utf-8') as lines:
        for number, line in enumerate(lines, 1):
            words = line.split(None, columns - 1)
            if not words or words[0].startswith('#'):
                continue
            if len(words) != columns:
                raise SystemExit(f'{path}:{number}: {columns} columns are wanted')
            yield [word.strip() for word in words]


def read_rows(folder):
    rows = [Row(*words) for words in table_lines(os.path.join(folder, 'rows.tab'), 7)]
    for row in rows:
        if row.set not in SETS or row.floor not in ('yes', 'no'):
            raise SystemExit(f'rows.tab: {row.name}: wrong set or floor')
    return rows


def select_rows(rows, quick, names):
    """Those of the set, or those named (a name or a group) whatever their set."""
    if not names:
        return [row for row in rows if not quick or row.set == 'quick']
    known = {row.name for row in rows} | {row.group for row in rows}
    unknown = [name for name in names if name not in known]
    if unknown:
        complain('no such row: ' + ' '.join(unknown))
    return [row for row in rows if row.name in names or row.group in names]


def command_of(row, quick, places):
    words = dict(SETS['quick' if quick else 'full'], **places)
    command = []
    for part in shlex.split(row.command):
        for key, value in words.items():
            part = part.replace(f'@{key}@', value)
        command.append(part)
    if row.command.startswith('@micro@'):
        command += [f'row={row.name}', 'scale=' + words['scale']]
    return command

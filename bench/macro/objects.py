# SPDX-License-Identifier: MIT
"""Builds and drops trees of small objects, dictionaries, lists and strings: the row python_objects.
The argument is the share of the work in percent."""
import sys


class Node:
    __slots__ = ('name', 'left', 'right', 'more')

    def __init__(self, name, left, right):
        self.name = name
        self.left = left
        self.right = right
        self.more = {'name': name, 'width': len(name)}


def grow(depth, name):
    if depth == 0:
        return None
    return Node(name, grow(depth - 1, name + 'l'), grow(depth - 1, name + 'r'))


def words(count):
    table = {}
    for number in range(count):
        key = 'key' * (number % 40 + 1) + str(number % 20000)
        table.setdefault(key, []).append((number, str(number) * (number % 30)))
    return sum(map(len, table.values()))


total = 0
for turn in range(max(1, 8 * int(sys.argv[1]) // 100)):
    tree = grow(15, '')
    total += words(60000)
print(total)

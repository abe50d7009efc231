# SPDX-License-Identifier: MIT
"""Writes and reads JSON documents of nested records: the row python_json. The argument is the share
of the work in percent."""
import json
import sys


def record(number):
    return {'id': number, 'name': 'name %d' % number, 'tags': ['t%d' % (number % k) for k in
            range(1, 9)], 'place': {'x': number / 3, 'y': number / 7, 'note': 'n' * (number % 200)}}


total = 0
for turn in range(max(1, 7 * int(sys.argv[1]) // 100)):
    text = json.dumps([record(number) for number in range(20000)])
    total += len(json.loads(text)) + len(text)
print(total)

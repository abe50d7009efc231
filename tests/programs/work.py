# SPDX-License-Identifier: MIT
"""What python.sh runs: the sqlite3 module used by threads and in forked children; prints digests."""
import hashlib
import os
import sqlite3
import sys
import threading

SCALE = int(sys.argv[1]) if len(sys.argv) > 1 else 1
answers = {}


class Longest:
    """An aggregate that SQL calls."""

    def __init__(self):
        self.best = ""

    def step(self, value):
        self.best = max(self.best, str(value), key=lambda text: (len(text), text))

    def finalize(self):
        return self.best


def work(number):
    with sqlite3.connect(":memory:") as base:
        base.create_function("backwards", 1, lambda text: text[::-1])
        base.create_aggregate("longest", 1, Longest)
        base.create_collation("byend", lambda a, b: (a[::-1] > b[::-1]) - (a[::-1] < b[::-1]))
        base.execute("CREATE TABLE t (i INTEGER PRIMARY KEY, s TEXT, b BLOB)")
        base.executemany("INSERT INTO t VALUES (?, ?, ?)", (
            (i, f"{i * 7919 % 1013}-{number}", bytes([i % 256]) * (i % 400))
            for i in range(4000 * SCALE)))
        rows = base.execute("SELECT backwards(s), length(b) FROM t ORDER BY s COLLATE byend, i")
        digest = hashlib.sha1(repr(rows.fetchall()).encode())
        digest.update(repr(base.execute("SELECT longest(s), sum(i) FROM t").fetchone()).encode())
        digest.update("\n".join(base.iterdump()).encode())
        try:
            base.execute("INSERT INTO t VALUES (1, 'twice', NULL)")
        except sqlite3.IntegrityError as error:
            digest.update(str(error).encode())
        base.commit()
        other = sqlite3.connect(":memory:")
        base.backup(other)
        digest.update(repr(other.execute("PRAGMA integrity_check").fetchall()).encode())
        other.close()
    base.close()
    answers[number] = digest.hexdigest()


threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
children = []
for number in range(10, 14):
    child = os.fork()
    if child == 0:
        work(number)
        os._exit(int(answers[number][0], 16))
    children.append(child)
print("children", [os.waitpid(child, 0)[1] for child in children])
for number, answer in sorted(answers.items()):
    print(number, answer)

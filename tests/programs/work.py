# SPDX-License-Identifier: MIT
"""Objects, text, json, sqlite3, threads and processes; what it prints is the same each time."""
import gc
import hashlib
import json
import multiprocessing
import random
import sqlite3
import sys
import threading
import zlib

SCALE = int(sys.argv[1])


class Node:
    def __init__(self, name, parent):
        self.name = name
        self.parent = parent
        self.children = []


def tree(depth, parent=None):
    node = Node("node" + str(depth), parent)
    if depth:
        node.children = [tree(depth - 1, node) for _ in range(4)]
    return node


def count(node):
    return 1 + sum(count(child) for child in node.children)


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def numbers(seed, length):
    generator = random.Random(seed)
    return [generator.randrange(1 << 70) for _ in range(length)]


def work(seed):
    values = numbers(seed, 3000)
    table = {str(value): [value, str(value) * 3] for value in values}
    for value in values[::3]:
        del table[str(value)]
    packed = zlib.compress(json.dumps(table).encode())
    assert json.loads(zlib.decompress(packed)) == table
    return digest(table)


def objects():
    for _ in range(3 * SCALE):
        root = tree(6)
        print("tree", count(root))
        del root
        gc.collect()
    text = ""
    pieces = []
    for i in range(40000 * SCALE):
        text += chr(97 + i % 26)
        pieces.append(text[-(i % 300):])
    print("text", len(text), zlib.crc32("".join(pieces).encode()))
    big = bytearray()
    for i in range(200):
        big += bytes([i]) * 50000
    print("bytes", hashlib.sha256(big).hexdigest())


def database():
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (a integer primary key, b text)")
    connection.executemany("insert into t values (?, ?)",
                           ((i, str(i) * (i % 50)) for i in range(20000)))
    connection.execute("delete from t where a % 3 = 0")
    print("sqlite", connection.execute("select count(*), sum(length(b)) from t").fetchone())
    print("sqlite", connection.execute("select max(b) from t where a < 900").fetchone())


def threads():
    results = [None] * 8

    def run(place):
        results[place] = [work(place * 10 + i) for i in range(3 * SCALE)]

    running = [threading.Thread(target=run, args=(place,)) for place in range(len(results))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    print("threads", digest(results))


def processes(method):
    context = multiprocessing.get_context(method)
    with context.Pool(4) as pool:
        print(method, digest(pool.map(work, range(12 * SCALE))))
        print(method, sum(len(part) for part in pool.imap(numbers_of, range(100, 2000, 100))))


def numbers_of(length):
    return numbers(length, length)


if __name__ == "__main__":
    objects()
    database()
    threads()
    for name in ("fork", "spawn", "forkserver"):
        processes(name)

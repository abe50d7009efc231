# SPDX-License-Identifier: MIT
"""Owns gdb's commands "hakmem heap" and "hakmem ptr ADDRESS", for processes and core dumps.

Everything is read from the header in the library's data (lib/stats/layout.h), which says where
the rest is: no symbols are needed. What cannot be read, a core dump may have left out.
"""
import re
import struct

import gdb

MAGIC = b'libhakmem stats\0'
LAYOUT = 3
PRIVATE = 2
REGIONS_MOST = 64
NAMES = ('layout header_bytes kind page_bytes total_bytes version pid slab_bytes started_s '
         'rows rows_shape classes classes_shape knobs knobs_shape process process_shape '
         'exited exited_shape records records_shape first_heap abandoned_heap heap_next '
         'heap_counters control_id records_used heaps_missing sequence purges_served spare '
         'profile profile_shape control regions region_count region_bytes region_top region_records '
         'record_bytes state class used capacity state_blocks region_base owner run_slabs carved '
         'large_bytes state_large state_dirty state_clean state_unmapped state_waiting '
         'mark_byte mark purged').split()
SHAPE = struct.Struct('=16x IIII Q 24s i I Q' + 'QQ' * 6 + 'QQIIiIIIII' + 'QQ' + 'Q' + 'QQ' + 'I' * 22)
ROW = struct.Struct('=32s 16s I H B B B 7x')


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address & (1 << 64) - 1, size))


def number(data, offset, size):
    return int.from_bytes(data[offset:offset + size], 'little')


def data_sections():
    """Places where the header may be: the data of the library, or of a program linked with it."""
    for line in gdb.execute('info files', to_string=True).splitlines():
        found = re.match(r'\s*(0x[0-9a-f]+) - (0x[0-9a-f]+) is (\.data( in .*)?|load\d+)$', line)
        if found:
            yield int(found[1], 16), int(found[2], 16)


class Heap:
    """The allocator's state in the memory that gdb looks at."""

    def __init__(self):
        self.at = self.find_header()
        fields = SHAPE.unpack(read(self.at, SHAPE.size))
        self.facts = dict(zip(NAMES, fields))
        if self.facts['layout'] != LAYOUT or self.facts['header_bytes'] < SHAPE.size:
            raise gdb.GdbError('hakmem: the library is of another version than this script')
        if not self.facts['page_bytes']:
            raise gdb.GdbError('hakmem: the allocator has not started yet')
        count = self.facts['classes_shape'] & 0xffffffff
        self.class_bytes = struct.unpack(f'={count}I',
                                         read(self.at + self.facts['classes'], 4 * count))

    @staticmethod
    def find_header():
        for start, end in data_sections():
            try:
                at = gdb.selected_inferior().search_memory(start, end - start, MAGIC)
                while at is not None:
                    if number(read(at, 28), 24, 4) == PRIVATE and at % 8 == 0:
                        return at
                    at = gdb.selected_inferior().search_memory(at + 1, end - at - 1, MAGIC)
            except gdb.MemoryError:
                pass
        raise gdb.GdbError('hakmem: no libhakmem in this process or core dump')

    def regions(self):
        facts = self.facts
        count = min(number(read(facts['region_count'], 4), 0, 4), REGIONS_MOST)
        for i in range(count):
            data = read(facts['regions'] + i * facts['region_bytes'], facts['region_bytes'])
            yield [number(data, facts[name], 8)
                   for name in ('region_base', 'region_top', 'region_records')]

    def record(self, records, index):
        """The fields of one slab's record; None if it is not in this memory."""
        facts = self.facts
        try:
            data = read(records + index * facts['record_bytes'], facts['record_bytes'])
        except gdb.MemoryError:
            return None
        sizes = {'state': 1, 'class': 1, 'used': 2, 'capacity': 2, 'owner': 8, 'run_slabs': 4,
                 'carved': 2, 'large_bytes': 8, 'purged': 2}
        return {name: number(data, facts[name], size) for name, size in sizes.items()}

    def record_of(self, address):
        """The slab of an address: its start and record, and that of the run's first slab."""
        size = self.facts['slab_bytes']
        for base, top, records in self.regions():
            index = (address - base) // size
            if not 0 <= index < top:
                continue
            first = index
            record = self.record(records, index)
            while record and record['state'] == 0 and first > 0:
                first -= 1
                record = self.record(records, first)
            if record and first + max(record['run_slabs'], 1) > index:
                return base + first * size, record
            return None, {'state': 0}
        return None, None

    def process_counters(self):
        count = self.facts['rows_shape'] & 0xffffffff
        size = self.facts['rows_shape'] >> 32
        for i in range(count):
            row = read(self.at + self.facts['rows'] + i * size, ROW.size)
            name, unit, offset, _, value_bytes, _, scope = ROW.unpack(row)
            if scope == 2:
                value = number(read(self.at + self.facts['process'] + offset, value_bytes), 0, 8)
                yield name.rstrip(b'\0').decode(), unit.rstrip(b'\0').decode(), value

    def each_run(self):
        for _, top, records in self.regions():
            index = 0
            while index < top:
                record = self.record(records, index)
                if record is None:
                    index += 1
                    continue
                yield record
                index += max(record['run_slabs'], 1) if record['state'] else 1


def describe_block(heap, address, start, record):
    facts = heap.facts
    size = heap.class_bytes[record['class']]
    index, inside = divmod(address - start, size)
    text = f'block of {size} bytes at {start + index * size:#x}'
    if inside:
        text += f', {inside} bytes inside'
    if index >= record['capacity']:
        return f'no block: the rest of a slab of {size} bytes'
    if index >= record['carved']:
        return f'never handed out: {text}'
    pages = range(index * size // facts['page_bytes'],
                  ((index + 1) * size - 1) // facts['page_bytes'] + 1)
    if any(record['purged'] >> page & 1 for page in pages):
        return f'free, its memory given back: {text}'
    try:
        mark = read(start + index * size + facts['mark_byte'], 1)[0]
    except gdb.MemoryError:
        return f'{text}, its memory is not here'
    return ('free: ' if mark == facts['mark'] else 'live: ') + text


def describe(heap, address):
    facts = heap.facts
    start, record = heap.record_of(address)
    if record is None:
        return 'not memory of libhakmem'
    state = record['state']
    if state == facts['state_blocks']:
        return describe_block(heap, address, start, record) + f', heap {record["owner"]:#x}'
    if state == facts['state_large']:
        inside = address - start
        text = f'large block of {record["large_bytes"]} bytes at {start:#x}'
        if inside >= record['large_bytes']:
            return f'behind a {text}'
        return f'live: {text}' + (f', {inside} bytes inside' if inside else '')
    if state == facts['state_waiting']:
        return f'freed, kept inaccessible: large block of {record["large_bytes"]} bytes at {start:#x}'
    names = {facts['state_dirty']: 'free memory, still resident',
             facts['state_clean']: 'free memory, given back',
             facts['state_unmapped']: 'free memory, given back'}
    return names.get(state, 'memory of libhakmem without blocks')


class HakmemCommand(gdb.Command):
    """Looks at the heap of libhakmem: hakmem heap, hakmem ptr ADDRESS."""

    def __init__(self):
        super().__init__('hakmem', gdb.COMMAND_DATA, prefix=True)


class HakmemHeap(gdb.Command):
    """Shows slabs and blocks a size class, large blocks, free memory and the process's counters."""

    def __init__(self):
        super().__init__('hakmem heap', gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        heap = Heap()
        facts = heap.facts
        classes, large, free = {}, [0, 0], {}
        for record in heap.each_run():
            if record['state'] == facts['state_blocks'] and record['class'] < len(heap.class_bytes):
                row = classes.setdefault(heap.class_bytes[record['class']], [0, 0, 0])
                row[0] += 1
                row[1] += record['used']
                row[2] += record['capacity']
            elif record['state'] == facts['state_large']:
                large[0] += 1
                large[1] += record['large_bytes']
            else:
                run_bytes = record['run_slabs'] * facts['slab_bytes']
                free[record['state']] = free.get(record['state'], 0) + run_bytes
        print(f'{"block":>8} {"slabs":>8} {"out":>10} {"room for":>10}')
        for size, (slabs, used, capacity) in sorted(classes.items()):
            print(f'{size:8} {slabs:8} {used:10} {capacity:10}')
        print(f'large: {large[0]} blocks, {large[1]} bytes')
        print(f'free and resident: {free.get(facts["state_dirty"], 0)} bytes')
        for name, unit, value in heap.process_counters():
            print(f'{name}: {value} {unit}')


class HakmemPtr(gdb.Command):
    """Says what is at an address: hakmem ptr EXPRESSION."""

    def __init__(self):
        super().__init__('hakmem ptr', gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError('usage: hakmem ptr ADDRESS')
        address = int(gdb.parse_and_eval(f'(unsigned long)({argument})'))
        print(f'{address:#x}: {describe(Heap(), address)}')


HakmemCommand()
HakmemHeap()
HakmemPtr()

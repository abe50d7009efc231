# SPDX-License-Identifier: MIT
"""Owns what must be reached, and what a run says of it: lines of (target, wanted, measured)."""
import figures


def shown(value, unit=''):
    return '-' if value is None else f'{value:.3g}{unit}'


class Targets:
    def __init__(self, data, ours):
        self.data = data
        self.ours = ours

    def speed_against_floor(self, row):
        ratio = self.data.ratio(row, self.ours, 'floor')
        return 1 / ratio if ratio else None

    def best_share(self, row, figure=None):
        """How many times the throughput of the best peer."""
        best = self.data.best_peer(row, figure)
        ratio = self.data.ratio(row, self.ours, best, figure) if best else None
        return 1 / ratio if ratio else None

    def throughput(self, row, other):
        mine, theirs = self.data.median(row, self.ours), self.data.median(other, self.ours)
        return theirs / mine if mine and theirs else None

    def more_than_glibc(self, row, figure=None):
        mine = self.data.median(row, self.ours, figure)
        theirs = self.data.median(row, 'glibc', figure)
        return mine - theirs if mine is not None and theirs is not None else None

    def mean_against_best(self):
        means = [figures.geometric_mean([self.data.ratio(row, self.ours, peer) for row in
                                        self.data.timed_rows()])
                 for peer in self.data.peers()]
        return max(filter(None, means), default=None)

    def over_live(self, row):
        settled = self.data.median(row, self.ours, 'settled_kib')
        live = self.data.median(row, self.ours, 'live_kib')
        return settled / live if settled and live else None

    def scale(self):
        """Growth of the time of an operation from 10^3 to 10^7 blocks, the floor's taken off."""
        grown = [self.data.ratio(row, self.ours, 'floor') for row in ('live_1e3', 'live_1e7')]
        return grown[1] / grown[0] if all(grown) else None

    def lines(self):
        settled = {row: self.data.median(row, self.ours, 'settled_kib') for row in
                   ('burst_512', 'pool_64', 'idle_resident')}
        mib = {row: value / 1024 if value else None for row, value in settled.items()}
        lines = [('mix_256 against the floor', '>= 0.95', self.speed_against_floor('mix_256'), '')]
        lines += [(f'{row} against the floor', '>= 0.92', self.speed_against_floor(row), '')
                  for row in ('mix_4k', 'mix_64k')]
        lines += [('geometric mean of all rows, to the best peer', '<= 0.93',
                   self.mean_against_best(), '')]
        lines += [(f'{row}, throughput of the best peer', '>= 1.3 x', self.best_share(row), ' x')
                  for row in ('ring_1_1', 'ring_4_1', 'ring_1_4', 'bleed_2', 'bleed_8')]
        lines += [('threads_2, throughput of threads_1', '>= 1.95 x',
                   self.throughput('threads_2', 'threads_1'), ' x')]
        lines += [(f'{row}, throughput of threads_2', '>= 0.95 x',
                   self.throughput(row, 'threads_2'), ' x')
                  for row in ('threads_8', 'threads_32', 'threads_128')]
        start = self.more_than_glibc('start', 'child_ns')
        peak = self.more_than_glibc('start_peak', 'peak_kib')
        lines += [('start, more than glibc', '<= 100 us', start and start / 1000, ' us'),
                  ('start_faults, more than glibc', '<= 16',
                   self.more_than_glibc('start_faults'), ''),
                  ('start_peak, more than glibc', '<= 400 KiB', peak, ' KiB'),
                  ('live_1e7 against live_1e3, floor taken off', '<= 1.3 x', self.scale(), ' x'),
                  ('burst_512, 8 threads idle after 512 MiB', '<= 4 MiB and the process',
                   mib['burst_512'], ' MiB'),
                  ('pool_64, burst of 32 MiB', '<= 41.6 MiB', mib['pool_64'], ' MiB'),
                  ('idle_resident, a thread', '<= 24 KiB',
                   settled['idle_resident'] and settled['idle_resident'] / 1000, ' KiB'),
                  ('queue_16_1, resident / live', '<= 1.3', self.over_live('queue_16_1'), ''),
                  ('queue_exit, resident / live', '<= 1.3', self.over_live('queue_exit'), ''),
                  ('core_size, dumped / resident', '<= 1.05', self.over_live('core_size'), ''),
                  ('maps_16g', '<= 1000', self.data.median('maps_16g', self.ours, 'maps'), ''),
                  ('holes, resident / live', '<= 1.25', self.over_live('holes'), '')]
        return [(name, wanted, shown(value, unit)) for name, wanted, value, unit in lines]

# SPDX-License-Identifier: MIT
"""Reads metrics with the parser of Prometheus's own client; prints metrics and samples."""
import sys

from prometheus_client.parser import text_fd_to_metric_families

families = list(text_fd_to_metric_families(sys.stdin))
assert len({family.name for family in families}) == len(families), 'a metric in two places'
for family in families:
    assert family.documentation and family.type in ('counter', 'gauge'), family
    for sample in family.samples:
        assert sample.value == int(sample.value) >= 0 and 'pid' in sample.labels, sample
print(len(families), sum(len(family.samples) for family in families))

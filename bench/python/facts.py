# SPDX-License-Identifier: MIT
"""Owns what is recorded of the machine with each run: no host name, no path."""
import os
import platform
import subprocess

PACKAGES = {'jemalloc': 'libjemalloc2', 'mimalloc': 'libmimalloc2.0',
            'tcmalloc': 'libtcmalloc-minimal4', 'glibc': 'libc6', 'gcc': 'gcc', 'g++': 'g++',
            'python3': 'python3', 'perl': 'perl', 'sqlite3': 'sqlite3', 'redis': 'redis-tools',
            'ruby': 'ruby', 'nodejs': 'nodejs'}


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return 'unknown'
    lines = done.stdout.splitlines()
    return lines[0].strip() if lines else 'unknown'


def cpu_model():
    with open('/proc/cpuinfo', encoding='utf-8') as lines:
        for line in lines:
            if line.startswith(('model name', 'CPU part')):
                return line.split(':', 1)[1].strip()
    return 'unknown'


def setting(path):
    try:
        with open(path, encoding='utf-8') as lines:
            return lines.read().strip()
    except OSError:
        return 'unknown'


def collect(source, compiler):
    facts = {
        'kernel': platform.release(),
        'machine': platform.machine(),
        'cpu': cpu_model(),
        'cores': str(len(os.sched_getaffinity(0))),
        'memory_mib': str(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') >> 20),
        'huge_pages': setting('/sys/kernel/mm/transparent_hugepage/enabled'),
        'load_before': '%.1f' % os.getloadavg()[0],
        'hakmem': first_line(['git', '-C', source, 'describe', '--always', '--dirty']),
        'compiler': compiler,
    }
    for name, package in PACKAGES.items():
        version = first_line(['dpkg-query', '-W', '-f', '${Version}\n', package])
        facts['version_' + name] = version
    return facts

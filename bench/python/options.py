# SPDX-License-Identifier: MIT
"""Owns the manners of the commands: a wrong option is one line on standard error, exit status 2."""
import argparse
import sys


class Parser(argparse.ArgumentParser):
    def error(self, message):
        sys.stderr.write(f'{self.prog}: {message} (see {self.prog} --help)\n')
        raise SystemExit(2)


def complain(message):
    sys.stderr.write(f'bench/run: {message}\n')
    raise SystemExit(2)

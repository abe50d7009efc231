#!/bin/sh
# SPDX-License-Identifier: MIT
# The tests of `quick` under the kernels of kernels.tab that are marked so. Skipped where no kernel
# is there and apt reaches none.
exec "${top_srcdir:?}/tests/kernels/run" --quick "${top_builddir:?}"

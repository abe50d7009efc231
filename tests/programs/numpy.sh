#!/bin/sh
# SPDX-License-Identifier: MIT
# python3 with numpy: arrays that grow, views, sorting, linear algebra, FFT, records, files. The
# answers and the saved arrays are the same to the bit.
. "$(dirname "$0")/lib.sh"
need python3
cat >"$work/work.py" <<'END'
import sys, zlib
import numpy as np
scale = int(sys.argv[1])
def show(name, array):
    array = np.ascontiguousarray(array)
    print(name, array.shape, array.dtype, zlib.crc32(array.tobytes()))
rng = np.random.Generator(np.random.PCG64(42))
big = rng.integers(0, 1 << 40, 400000 * scale)
show("sort", np.sort(big))
show("unique", np.unique(big % 5000))
rows = [rng.integers(0, 255, n, dtype=np.uint8) for n in range(1, 3000)]
show("concatenate", np.concatenate(rows))
del rows[::2]
show("stack", np.stack([r[:1] for r in rows]))
for size in (3, 40, 200):
    a = rng.integers(-9, 9, (size, size)).astype(float)
    show("product", a @ a.T)
    show("solve", np.round(np.linalg.solve(a @ a.T + np.eye(size) * size, a[0]), 6))
show("fft", np.round(np.fft.irfft(np.fft.rfft(big[:65536] % 100)), 6))
table = np.zeros(5000, dtype=[("key", "i8"), ("name", "U12"), ("value", "f8")])
table["key"] = big[:5000]
table["name"] = [str(n * 7) for n in range(5000)]
show("records", np.sort(table, order="name"))
total = np.zeros(1)
for n in range(2000):
    total = total + np.ones(n + 1)[: n // 2 + 1].sum()
show("temporaries", total)
np.save("saved.npy", table)
show("loaded", np.load("saved.npy"))
show("objects", np.array([str(x) for x in big[:20000]], dtype=object)[::-1].astype("U20"))
END
served '_multiarray_umath[^/]*\.so' python3 -c 'import numpy; numpy.zeros(100000)'
same numpy python3 "$work/work.py" "$scale"

// SPDX-License-Identifier: MIT
// Buffers, strings, maps and JSON, for the row node_objects. The argument is the share of the work
// in percent.
'use strict';
const turns = Math.max(1, Math.floor((14 * Number(process.argv[2])) / 100));
let total = 0;
for (let turn = 0; turn < turns; turn++) {
    const map = new Map();
    for (let i = 0; i < 40000; i++)
        map.set('key' + i, { id: i, tags: ['a' + i, 'b' + (i % 99)], text: 'x'.repeat(i % 50) });
    total += JSON.stringify([...map.values()]).length;
    const buffers = [];
    for (let i = 0; i < 20000; i++)
        buffers.push(Buffer.allocUnsafeSlow(64 + (i % 4000)).fill(i & 255));
    total += Buffer.concat(buffers).length;
}
console.log(total);

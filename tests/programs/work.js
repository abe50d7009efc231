// SPDX-License-Identifier: MIT
// What node.sh runs: prints digests of work on buffers, the pool's threads, workers and children.
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { createHash, pbkdf2 } = require('crypto');
const { execFile } = require('child_process');
const { promisify } = require('util');
const zlib = require('zlib');

function digest(value) {
    const text = typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value);
    return createHash('sha1').update(text).digest('hex');
}

function* randoms(seed) {
    let state = seed;
    for (;;) {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        yield state >>> 8;
    }
}

function fill(seed, count) {
    const random = randoms(seed);
    const map = new Map();
    const buffers = [];
    for (let i = 0; i < count; i++) {
        const key = 'key' + (random.next().value % 5000);
        map.set(key, (map.get(key) || '') + String.fromCharCode(97 + (i % 26)));
        const buffer = Buffer.alloc(random.next().value % 9000, i & 255);
        buffers[random.next().value % 200] = buffer;
    }
    return [digest([...map].sort()), digest(Buffer.concat(buffers.filter((b) => b)))];
}

if (!isMainThread) {
    parentPort.postMessage(fill(workerData.seed, workerData.count));
} else {
    main().catch((error) => {
        console.error(error);
        process.exit(1);
    });
}

function runWorker(seed, count) {
    return new Promise((resolve, reject) => {
        const worker = new Worker(__filename, { workerData: { seed, count } });
        let answer;
        worker.on('message', (message) => (answer = message));
        worker.on('error', reject);
        worker.on('exit', () => resolve(answer));
    });
}

async function main() {
    const scale = Number(process.argv[2] || 1);
    console.log('fill', fill(1, 40000 * scale));
    const tree = (depth) => (depth ? { depth, below: [tree(depth - 1), tree(depth - 1)] } : null);
    console.log('json', digest(JSON.parse(JSON.stringify(tree(14)))));
    global.gc();
    const input = Buffer.from(JSON.stringify(tree(12)).repeat(3));
    const packed = await Promise.all(
        [1, 3, 6, 9].map((level) => promisify(zlib.deflate)(input, { level })));
    const unpacked = await Promise.all(packed.map((data) => promisify(zlib.inflate)(data)));
    console.log('zlib', packed.map(digest), unpacked.map((data) => data.equals(input)));
    const brotli = zlib.brotliCompressSync(input, { params: { 1: 4 } });
    console.log('brotli', digest(brotli), zlib.brotliDecompressSync(brotli).equals(input));
    const keys = await Promise.all([...Array(12).keys()].map(
        (i) => promisify(pbkdf2)('word' + i, 'salt', 2000, 64, 'sha512')));
    console.log('pbkdf2', digest(Buffer.concat(keys)));
    for (let round = 0; round < 3; round++) {
        const seeds = [1, 2, 3, 4].map((seed) => seed + round * 10);
        console.log('workers', await Promise.all(seeds.map((seed) => runWorker(seed, 4000))));
    }
    const run = promisify(execFile);
    const said = await Promise.all([...Array(12).keys()].map((i) => run('seq', ['1', `${i}00`])));
    console.log('children', digest(said.map((child) => child.stdout).join('')));
    global.gc();
}

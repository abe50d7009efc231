#!/bin/sh
# SPDX-License-Identifier: MIT
# rustc compiles a program, the binary is the same to the bit and runs on the library; fd, which
# brings an allocator of its own, finds the same files.
. "$(dirname "$0")/lib.sh"
need rustc fdfind
cat >"$work/main.rs" <<'END'
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::thread;
fn work(seed: u64) -> u64 {
    let (mut state, mut sum) = (seed, 0u64);
    let mut map: HashMap<u64, Vec<u8>> = HashMap::new();
    let mut tree: BTreeMap<String, u64> = BTreeMap::new();
    let mut queue: VecDeque<Box<[u64]>> = VecDeque::new();
    for step in 0..60000u64 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let size = (state >> 33) as usize % 700;
        map.insert(state >> 52, vec![step as u8; size]);
        tree.insert(format!("{:x}", state >> 48), step);
        queue.push_back(vec![step; size / 8].into_boxed_slice());
        if queue.len() > 300 {
            sum += queue.pop_front().unwrap().iter().sum::<u64>();
        }
    }
    for (key, value) in &tree {
        sum = sum.wrapping_mul(31).wrapping_add(*value + key.len() as u64);
    }
    let mut keys: Vec<_> = map.iter().map(|(k, v)| k + v.len() as u64).collect();
    keys.sort();
    keys.iter().fold(sum, |a, b| a.wrapping_mul(17).wrapping_add(*b))
}
fn main() {
    let threads: Vec<_> = (0..4u64).map(|n| thread::spawn(move || work(n))).collect();
    for thread in threads {
        println!("{}", thread.join().unwrap());
    }
}
END
cat >"$work/build" <<'SCRIPT'
set -e
rustc -C opt-level=1 --crate-name main "$1/main.rs" -o main
./main
SCRIPT
served 'librustc_driver[^/]*\.so' rustc -C debuginfo=0 --crate-name main "$work/main.rs"
same rustc sh "$work/build" "$work"
# shellcheck disable=SC2016 # for the inner shell
same fd sh -c 'fdfind --type f -e h . /usr/include | sort' sh

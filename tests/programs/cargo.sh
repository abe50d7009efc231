#!/bin/sh
# SPDX-License-Identifier: MIT
# cargo builds a crate of a library and a program without the network, runs its tests and the
# program, and builds again what a change concerns; the program runs on the library, too.
. "$(dirname "$0")/lib.sh"
need cargo rustc gcc
mkdir -p "$work/crate/src/bin" "$work/crate/tests"
cat >"$work/crate/Cargo.toml" <<'END'
[package]
name = "sums"
version = "0.1.0"
edition = "2021"
[features]
more = []
[profile.dev]
debug = false
[[bin]]
name = "sums"
test = false
END
cat >"$work/crate/src/lib.rs" <<'END'
//! Counts words.
pub mod table;
/// Words of `text` and how often each occurs.
///
/// ```
/// assert_eq!(sums::count("b a b"), vec![("a".to_string(), 1), ("b".to_string(), 2)]);
/// ```
pub fn count(text: &str) -> Vec<(String, usize)> {
    let mut table = table::Table::new();
    text.split_whitespace().for_each(|word| table.add(word));
    table.sorted()
}
#[cfg(test)]
mod tests {
    #[test]
    fn empty() {
        assert!(crate::count("").is_empty());
    }
    #[test]
    fn many() {
        let text: String = (0..50000).map(|i| format!("word{} ", i % 991)).collect();
        let counts = crate::count(&text);
        assert_eq!((counts.len(), counts.iter().map(|c| c.1).sum()), (991, 50000usize));
    }
}
END
cat >"$work/crate/src/table.rs" <<'END'
use std::collections::HashMap;
#[derive(Default, Clone, Debug)]
pub struct Table(HashMap<String, usize>);
impl Table {
    pub fn new() -> Self {
        Self::default()
    }
    pub fn add(&mut self, word: &str) {
        *self.0.entry(word.to_owned()).or_insert(0) += 1;
    }
    pub fn sorted(self) -> Vec<(String, usize)> {
        let mut all: Vec<_> = self.0.into_iter().collect();
        all.sort();
        all
    }
}
END
cat >"$work/crate/src/bin/sums.rs" <<'END'
use std::thread;
fn main() {
    let parts: Vec<_> = (0..4usize)
        .map(|n| {
            thread::spawn(move || {
                let text: String = (0..30000).map(|i| format!("{:x} ", i * n % 7919)).collect();
                sums::count(&text)
            })
        })
        .collect();
    for part in parts {
        let counts = part.join().unwrap();
        println!("{} {:?} {}", counts.len(), counts[counts.len() / 2], cfg!(feature = "more"));
    }
}
END
cat >"$work/crate/tests/whole.rs" <<'END'
#[test]
fn whole() {
    assert_eq!(sums::count("x y x").len(), 2);
}
END
cat >"$work/build" <<'END'
set -e
cp -r "$1/crate" .
cd crate
cargo run --offline -q -j2
cargo test --offline -j2 2>/dev/null | sed 's/ in [0-9.]*s$//; s/-[0-9a-f]\{16\}//' | sort
cargo metadata --offline --format-version 1
cat Cargo.lock
touch src/table.rs
cargo run --offline -q -j2 --features more
cargo tree --offline
sha1sum target/debug/sums
cp target/debug/sums "$1"
cargo clean
cd ..
rm -r crate
END
cargo new -q --vcs none "$work/new" || exit 99
served cargo cargo metadata --offline --format-version 1 --manifest-path "$work/new/Cargo.toml"
same cargo sh "$work/build" "$work"
served sums "$work/sums"

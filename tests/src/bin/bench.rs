//! What Holdfast costs, against the programs that do the same work. Each subject prints medians and their ratios.
//!
//! `bench hashing upload` measures what is named, without arguments everything. `HOLDFAST_BENCH_MIB` makes the large files of
//! uploads smaller than 1024 MiB.

use anyhow::{Context, Result};
use holdfast_tests::bench::{hashing, list, mirror, service, upload, window};

type Measure = fn() -> Result<()>;

const SUBJECTS: [(&str, Measure); 6] = [
    ("hashing", hashing::measure),
    ("upload", upload::measure),
    ("service", service::measure),
    ("list", list::measure),
    ("mirror", mirror::measure),
    ("window", window::measure),
];

fn main() -> Result<()> {
    let named: Vec<String> = std::env::args().skip(1).collect();
    if named.is_empty() {
        return SUBJECTS.iter().try_for_each(|(_, measure)| measure());
    }
    named.iter().try_for_each(|name| {
        let subject = SUBJECTS.iter().find(|(subject, _)| subject == name);
        subject.with_context(|| format!("there is no subject {name}"))?.1()
    })
}

//! What Holdfast costs, against the programs that do the same work. Each subject prints medians and their ratios; one that is
//! over its limit is said at the end, with exit code 1.
//!
//! `bench hashing upload` measures what is named, without arguments everything; `bench --short` measures what does not depend on
//! the machine's speed. `HOLDFAST_BENCH_MIB` makes the large files of uploads smaller than 1024 MiB,
//! `HOLDFAST_BENCH_FEWER` the lists of the window so many times shorter.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result};
use holdfast_tests::bench::limits::Verdict;
use holdfast_tests::bench::{hashing, list, many, memory, mirror, queued, service, store, upload, window};
use holdfast_tests::bench::{window_pins, window_queue};

type Measure = fn(&mut Verdict) -> Result<()>;

const SUBJECTS: [(&str, Measure); 12] = [
    ("hashing", hashing::measure),
    ("upload", upload::measure),
    ("many", many::measure),
    ("memory", memory::measure),
    ("service", service::measure),
    ("list", list::measure),
    ("mirror", mirror::measure),
    ("store", store::measure),
    ("queued", queued::measure),
    ("window", window::measure),
    ("window_queue", window_queue::measure),
    ("window_pins", window_pins::measure),
];

fn main() -> Result<ExitCode> {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let mut verdict = Verdict::default();
    match named.as_slice() {
        [] => SUBJECTS.iter().try_for_each(|(_, measure)| measure(&mut verdict))?,
        [short] if short == "--short" => memory::measure_short(&mut verdict)?,
        named => named.iter().try_for_each(|name| {
            let subject = SUBJECTS.iter().find(|(subject, _)| subject == name);
            subject.with_context(|| format!("there is no subject {name}"))?.1(&mut verdict)
        })?,
    }
    for line in verdict.missed() {
        writeln!(stdout(), "MISSED: {line}")?;
    }
    Ok(if verdict.missed().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

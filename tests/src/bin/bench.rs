//! What Holdfast costs, against the programs that do the same work. Each subject prints medians and their ratios.
//!
//! `bench hashing upload window` measures what is named, without arguments everything. `HOLDFAST_BENCH_MIB` makes the large
//! files of `upload` smaller than 1024 MiB.

use anyhow::{Result, bail};
use holdfast_tests::bench::{hashing, upload, window};

fn main() -> Result<()> {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let subjects = if named.is_empty() { vec!["hashing".into(), "upload".into(), "window".into()] } else { named };
    for subject in subjects {
        match subject.as_str() {
            "hashing" => hashing::measure()?,
            "upload" => upload::measure()?,
            "window" => window::measure()?,
            other => bail!("there is no subject {other}"),
        }
    }
    Ok(())
}

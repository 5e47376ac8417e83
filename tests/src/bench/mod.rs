//! Measurements. Programs that are compared take turns, so that what else the machine does meets all of them.

pub mod hashing;
pub mod list;
pub mod mirror;
pub mod service;
pub mod upload;
pub mod window;

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::process::Group;

const MIB: u64 = 1024 * 1024;

/// What one run of a program took.
struct Run {
    time: Duration,
    /// The most memory that the program itself had resident at one time.
    peak_kib: u64,
    output: String,
}

/// Runs a program to its successful end.
fn run(command: &mut Command) -> Result<Run> {
    let name = command.get_program().to_string_lossy().into_owned();
    let started = Instant::now();
    let mut group = Group::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()))?;
    let mut peak_kib = 0;
    let status = loop {
        // The kernel keeps the highest value, so that only the last reading before the end counts.
        peak_kib = peak_kib.max(peak_of(group.id()).unwrap_or(0));
        if let Some(status) = group.ended()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let time = started.elapsed();
    let mut output = String::new();
    group.stdout()?.read_to_string(&mut output)?;
    ensure!(status.success(), "{name} ended with {status}: {output}");
    Ok(Run { time, peak_kib, output })
}

/// The runs of one of several programs.
#[derive(Default)]
struct Runs {
    times: Vec<Duration>,
    peak_kib: u64,
}

impl Runs {
    fn add(&mut self, run: &Run) {
        self.times.push(run.time);
        self.peak_kib = self.peak_kib.max(run.peak_kib);
    }

    fn median(&self) -> Result<Duration> {
        median(self.times.clone())
    }
}

fn median(mut times: Vec<Duration>) -> Result<Duration> {
    times.sort();
    times.get(times.len() / 2).copied().context("nothing was measured")
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

fn peak_of(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

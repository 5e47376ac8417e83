//! Measurements. Programs that are compared take turns, so that what else the machine does meets all of them. What must hold
//! of the figures is in [`limits`].

mod answers;
pub mod hashing;
pub mod limits;
pub mod list;
pub mod many;
mod many_pins;
pub mod memory;
pub mod mirror;
pub mod queued;
mod sending;
pub mod service;
pub mod store;
mod times;
pub mod upload;
pub mod window;
pub mod window_pins;
pub mod window_queue;

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::memory::{Bytes, Run, run as run_to_its_end};

const MIB: u64 = 1024 * 1024;

/// Runs a program to its successful end.
fn run(command: &mut Command) -> Result<Run> {
    let name = command.get_program().to_string_lossy().into_owned();
    run_to_its_end(command.stderr(Stdio::null()))?.done().context(name)
}

/// The runs of one of several programs.
#[derive(Default)]
struct Runs {
    times: Vec<Duration>,
    peak: Bytes,
}

impl Runs {
    fn add(&mut self, run: &Run) {
        self.times.push(run.time);
        self.peak = self.peak.max(run.peak);
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

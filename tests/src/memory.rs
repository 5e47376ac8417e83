//! How much memory a program takes: the most that it had resident at one time, which does not depend on the machine's speed.

use std::fmt;
use std::fs;
use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::process::Group;

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    /// So many MiB.
    pub const fn mib(count: u64) -> Self {
        Self(count * 1024 * 1024)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ ..65_536 => write!(f, "{bytes} bytes"),
            bytes => write!(f, "{:.1} MiB", bytes as f64 / (1024.0 * 1024.0)),
        }
    }
}

/// What one run of a program took.
#[derive(Clone, Debug)]
pub struct Run {
    /// From its start to its end.
    pub time: Duration,
    /// The most memory that it had at one time.
    pub peak: Bytes,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub output: String,
}

impl Run {
    /// The run, when it was a success.
    ///
    /// # Errors
    ///
    /// With what was printed, when it was not.
    pub fn done(self) -> Result<Self> {
        ensure!(self.status.success(), "it ended with {}: {}", self.status, self.output);
        Ok(self)
    }
}

/// Runs a program to its end, however that is. Its standard error stays the caller's.
///
/// # Errors
///
/// When it cannot be started.
pub fn run(command: &mut Command) -> Result<Run> {
    let started = Instant::now();
    let mut group = Group::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let mut pipe = group.stdout()?;
    // A full pipe would stop it.
    let output = std::thread::spawn(move || {
        let mut output = String::new();
        pipe.read_to_string(&mut output).map(|_| output)
    });
    let mut peak = Bytes::default();
    let status = loop {
        // The kernel keeps the highest value, so that only the last look before the end counts.
        peak = peak.max(peak_of(group.id()).unwrap_or_default());
        if let Some(status) = group.ended()? {
            break status;
        }
        std::thread::sleep(LOOK);
    };
    let time = started.elapsed();
    let output = output.join().ok().context("its output cannot be read")??;
    Ok(Run { time, peak, status, output })
}

/// The most memory that a running process has had at one time.
///
/// # Errors
///
/// When there is no such process.
pub fn peak_of(id: u32) -> Result<Bytes> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("it has ended")?;
    let kib: u64 = line.trim().strip_suffix("kB").context("another unit")?.trim().parse()?;
    Ok(Bytes(kib * 1024))
}

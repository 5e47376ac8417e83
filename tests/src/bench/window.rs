//! Time to a usable window.

use std::io::{BufRead, BufReader, Write, stdout};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::limits::{self, Verdict};
use super::median;
use crate::desktop::{Desktop, Session};
use crate::holdfast::Programs;
use crate::process;

const STARTS: usize = 5;

/// Measures and prints.
///
/// # Errors
///
/// When the window does not come.
pub fn measure(verdict: &mut Verdict) -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let (program, home) = (Programs::find()?.desktop, desktop.directory().join("started"));
    let starts = (0..STARTS).map(|_| start(&desktop, &program, &home)).collect::<Result<Vec<_>>>()?;
    let (first, usual) = (starts[0], median(starts)?);
    writeln!(stdout(), "start to usable window: first {first:.0?}, median of {STARTS} {usual:.0?}")?;
    verdict.wait(limits::WINDOW_START, usual)
}

/// From the start of the program to the first painted screen that answers.
pub(super) fn start(desktop: &Desktop, program: &Path, home: &Path) -> Result<Duration> {
    let mut command = desktop.command(program);
    command.env("HOLDFAST_LOG", "info").arg("--home").arg(home);
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let lines = BufReader::new(child.stderr.take().context("no standard error")?).lines();
    let mut ready = None;
    for line in lines {
        if line?.contains("ui_ready") {
            ready = Some(started.elapsed());
            process::terminate(child.id())?;
        }
    }
    child.wait()?;
    ready.context("the window was never ready")
}

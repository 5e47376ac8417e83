//! What Holdfast costs: upload speed against curl, peak memory, time to a usable window.
//!
//! `holdfast add` and `curl` send the same files to the same running service, in turns. `HOLDFAST_BENCH_MIB` makes the
//! files smaller than 1024 MiB.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write, stdout};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::holdfast::{Cli, Programs, Server};
use holdfast_tests::process::{self, Group};
use holdfast_tests::samples;
use serde_json::Value;
use tempfile::TempDir;

const ROUNDS: usize = 3;
const STARTS: usize = 5;
const SMALL_MIB: u64 = 64;
const MIB: u64 = 1024 * 1024;
const PEAK_LIMIT_KIB: u64 = 64 * 1024;
const LABEL: &str = "Bench";

fn main() -> Result<()> {
    let mib = std::env::var("HOLDFAST_BENCH_MIB").map_or(Ok(1024), |text| text.parse::<u64>())?;
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let file = desktop.directory().join("bench.bin");
    let mut out = stdout();

    samples::write_noise(&file, "small", SMALL_MIB * MIB)?;
    let bench = Bench { desktop: &desktop, program: &programs.command };
    let small = bench.add(&file)?;
    writeln!(out, "upload of {mib} MiB into an empty `holdfast serve`, the same file by each in turn")?;
    let (mut ours, mut theirs, mut peak) = (Vec::new(), Vec::new(), 0);
    for round in 1..=ROUNDS {
        samples::write_noise(&file, &format!("round {round}"), mib * MIB)?;
        let added = bench.add(&file)?;
        let curl = bench.curl(&file)?;
        writeln!(out, "  round {round}: holdfast add {:.2?}, curl {curl:.2?}", added.time)?;
        peak = peak.max(added.peak_kib);
        ours.push(added.time);
        theirs.push(curl);
    }
    let (ours, theirs) = (median(ours)?, median(theirs)?);
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    writeln!(out, "  median:  holdfast add {ours:.2?}, curl {theirs:.2?}, ratio {ratio:.2}")?;
    let (small, large) = (small.peak_kib / 1024, peak / 1024);
    writeln!(out, "peak memory of `holdfast add`: {small} MiB for {SMALL_MIB} MiB, {large} MiB for {mib} MiB")?;

    let mut starts = (0..STARTS).map(|_| start(&desktop, &programs.desktop)).collect::<Result<Vec<_>>>()?;
    let first = starts[0];
    starts.sort();
    writeln!(out, "start to usable window: first {first:.0?}, median of {STARTS} {:.0?}", median(starts)?)?;
    ensure!(peak < PEAK_LIMIT_KIB, "holdfast took {large} MiB, the limit is {} MiB", PEAK_LIMIT_KIB / 1024);
    Ok(())
}

struct Added {
    time: Duration,
    peak_kib: u64,
}

/// Each upload goes into a service of its own: one that has the blocks already has nothing to write.
struct Bench<'a> {
    desktop: &'a Desktop,
    program: &'a Path,
}

impl Bench<'_> {
    fn add(&self, file: &Path) -> Result<Added> {
        let (server, directory) = self.serve()?;
        let home = directory.path().join("holdfast");
        let cli = Cli { desktop: self.desktop, program: self.program, home: &home };
        cli.add_account(LABEL, &server)?;
        let mut command = self.desktop.command(self.program);
        command.env("HOLDFAST_HOME", &home).args(["add", "--json", "--account", LABEL]).arg(file);
        let started = Instant::now();
        let mut group = Group::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()))?;
        let mut peak_kib = 0;
        let status = loop {
            // The kernel keeps the highest value, so that only the last reading before the end counts.
            peak_kib = peak_kib.max(peak_of(group.id()).unwrap_or(0));
            if let Some(status) = group.ended()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let time = started.elapsed();
        let mut text = String::new();
        group.stdout()?.read_to_string(&mut text)?;
        ensure!(status.success(), "holdfast add ended with {status}: {text}");
        let added: Value = serde_json::from_str(&text)?;
        ensure!(added["verified"] == true, "not verified: {added}");
        Ok(Added { time, peak_kib })
    }

    fn curl(&self, file: &Path) -> Result<Duration> {
        let (server, _directory) = self.serve()?;
        let mut command = Command::new("curl");
        command.args(["-sSf", "-H", &format!("pinning_api_key: {}", server.key)]);
        command.args(["-H", &format!("pinning_secret_key: {}", server.secret)]);
        command.args(["-F", &format!("file=@{}", file.display()), &format!("{}/pinning/", server.endpoint)]);
        let started = Instant::now();
        let answer = process::output(&mut command)?;
        let time = started.elapsed();
        let answer: Value = serde_json::from_str(&answer)?;
        ensure!(answer["data"]["cid"].is_string(), "not pinned: {answer}");
        Ok(time)
    }

    /// A new service with nothing in it, on a disk that has nothing left to write.
    fn serve(&self) -> Result<(Server, TempDir)> {
        let directory = tempfile::tempdir_in(self.desktop.directory())?;
        let home = directory.path().join("server");
        let server = Cli { desktop: self.desktop, program: self.program, home: &home }.serve()?;
        rustix::fs::sync();
        Ok((server, directory))
    }
}

/// The most memory that a process had resident at one time.
fn peak_of(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// From the start of the program to the first painted screen that answers.
fn start(desktop: &Desktop, program: &Path) -> Result<Duration> {
    let home = desktop.directory().join("started");
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

fn median(mut times: Vec<Duration>) -> Result<Duration> {
    times.sort();
    times.get(times.len() / 2).copied().context("nothing was measured")
}

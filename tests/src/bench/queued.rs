//! What a long queue costs that cannot go on: the start, memory, and what is done meanwhile.

use std::fs;
use std::io::{BufRead, BufReader, Write, stdout};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use holdfast_core::account::AccountId;

use super::limits::{self, Verdict};
use super::median;
use super::store::{Queue, fill_queue};
use crate::desktop::{Desktop, Session};
use crate::holdfast::{Cli, Programs};
use crate::memory;
use crate::process;
use crate::sink::Sink;

const TRANSFERS: u32 = 100_000;
const STARTS: usize = 5;

/// Until what is begun at the start has ended, and how long it is looked at then.
const BEGINNING: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(30);

/// Measures and prints.
///
/// # Errors
///
/// When it does not start.
pub fn measure(verdict: &mut Verdict) -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let (program, home) = (Programs::find()?.command, desktop.directory().join("queued"));
    let cli = Cli { desktop: &desktop, program: &program, home: &home };
    let sink = Sink::start()?;
    cli.run(&["account", "add", "--kind", "kubo", "--label", "Away", "--endpoint", &sink.endpoint()])?.done()?;
    drop(sink);
    let (watched, file) = (desktop.directory().join("watched"), desktop.directory().join("file"));
    fs::create_dir(&watched)?;
    fs::write(&file, "the same for all")?;
    cli.run(&["folder", "add", "--account", "Away", &watched.display().to_string()])?.done()?;
    let database = home.join("holdfast.db");
    let account =
        rusqlite::Connection::open(&database)?
            .query_row("SELECT id FROM account WHERE label = 'Away'", (), |row| row.get(0).map(AccountId))?;
    fill_queue(&database, &account, &file, TRANSFERS, Queue::Whole)?;

    let (mut starts, mut peak, mut share) = (Vec::new(), memory::Bytes::default(), 0.0);
    for round in 1..=STARTS {
        let started = Instant::now();
        let mut child = cli.command().args(["folder", "run"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stderr.take().context("no standard error")?).lines();
        for line in lines {
            if line?.contains("Watching") {
                starts.push(started.elapsed());
                break;
            }
        }
        ensure!(starts.len() == round, "it did not start");
        if round == STARTS {
            std::thread::sleep(BEGINNING);
            let before = process::processor_time(child.id())?;
            std::thread::sleep(IDLE);
            let used = process::processor_time(child.id())?.saturating_sub(before);
            share = used.as_secs_f64() / IDLE.as_secs_f64() * 100.0;
        }
        peak = peak.max(memory::peak_of(child.id())?);
        process::terminate(child.id())?;
        child.wait()?;
    }
    let start = median(starts)?;
    writeln!(stdout(), "{TRANSFERS} queued for an account that cannot be reached, `holdfast folder run`")?;
    verdict.wait(limits::QUEUED_START, start)?;
    verdict.memory(limits::QUEUED_MEMORY, "in all starts", peak)?;
    verdict.ratio(limits::QUEUED_IDLE, share)
}

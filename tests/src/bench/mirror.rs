//! How long the list of an account takes into the mirror, against `curl` fetching the same pages one after the other.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use holdfast_service::{ApiKey, RunningService, Service, ServiceConfig};
use rusqlite::Connection;
use secrecy::ExposeSecret;

use super::limits::{self, Verdict};
use super::list::fill;
use super::{Runs, median, ratio, run};
use crate::desktop::{Desktop, Session};
use crate::holdfast::{Cli, Programs};
use crate::memory::Run;
use crate::process;

const ROUNDS: usize = 5;
const FEW_PINS: u32 = 10_000;
const PINS: u32 = 100_000;

/// Rows that Holdfast asks for at once. The last row of a page is the first of the next.
const PAGE_ROWS: u32 = 1_000;

const LABEL: &str = "Bench";

/// Measures and prints.
///
/// # Errors
///
/// When the mirror does not have every pin.
pub fn measure(verdict: &mut Verdict) -> Result<()> {
    let mut out = stdout();
    let few = Account::with(FEW_PINS)?.list_again_and_again()?;
    let many = Account::with(PINS)?.list_again_and_again()?;
    writeln!(
        out,
        "the list of {PINS} pins into the mirror by `holdfast ls`, and the same pages by curl one after the other"
    )?;
    let curl = median(many.curl)?;
    for (what, runs) in [("into an empty mirror", &many.first), ("nothing has changed ", &many.again)] {
        let ours = runs.median()?;
        writeln!(out, "  {what}: {ours:.2?}, curl {curl:.2?}, ratio {:.2}", ratio(ours, curl))?;
    }
    verdict.memory(limits::LIST_MEMORY, &format!("{FEW_PINS} pins"), few.first.peak)?;
    verdict.memory(limits::LIST_MEMORY, &format!("{PINS} pins"), many.first.peak.max(many.again.peak))
}

/// An account at a service that has many pins.
struct Account {
    desktop: Desktop,
    program: PathBuf,
    home: PathBuf,
    pins: u32,
    key: ApiKey,
    service: RunningService,
    runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Listings {
    first: Runs,
    again: Runs,
    curl: Vec<Duration>,
}

impl Account {
    fn with(pins: u32) -> Result<Self> {
        rustls::crypto::ring::default_provider().install_default().ok();
        let desktop = Desktop::start(Session::WithKeyring)?;
        let (program, home) = (Programs::find()?.command, desktop.directory().join("holdfast"));
        let server = desktop.directory().join("server");
        let runtime = tokio::runtime::Runtime::new()?;
        let (key, service) = runtime.block_on(async {
            let service = Service::start(ServiceConfig::new(&server)).await?;
            let key = service.create_key("home", "bench").await?;
            service.shutdown().await?;
            fill(&server.join("service.db"), pins, 1)?;
            anyhow::Ok((key, Service::start(ServiceConfig::new(&server)).await?))
        })?;
        let (endpoint, secret) = (service.endpoint(), key.secret.expose_secret().to_owned());
        let arguments = ["account", "add", "--kind", "aioz", "--label", LABEL, "--endpoint", &endpoint];
        let arguments = [&arguments[..], &["--key", &key.key, "--secret-stdin", "--json"]].concat();
        let cli = Cli { desktop: &desktop, program: &program, home: &home };
        cli.run_with_input(&arguments, &secret)?.done()?;
        Ok(Self { desktop, program, home, pins, key, service, runtime })
    }

    fn list_again_and_again(self) -> Result<Listings> {
        let mut listings = Listings::default();
        for _ in 0..ROUNDS {
            self.mirror()?.execute("DELETE FROM pin", ())?;
            listings.first.add(&self.list()?);
            listings.again.add(&self.list()?);
            listings.curl.push(self.curl()?);
        }
        self.runtime.block_on(self.service.shutdown())?;
        Ok(listings)
    }

    fn list(&self) -> Result<Run> {
        let mut command = self.desktop.command(&self.program);
        command.env("HOLDFAST_HOME", &self.home);
        let run = run(command.args(["ls", "--json", "--account", LABEL, "--search", "no pin is called this"]))?;
        let held: u32 =
            self.mirror()?.query_row("SELECT count(*) FROM pin WHERE status = 'pinned'", (), |row| row.get(0))?;
        // One of ten was given up.
        ensure!(held == self.pins / 10 * 9, "the mirror has {held} of {} pins", self.pins);
        Ok(run)
    }

    fn curl(&self) -> Result<Duration> {
        let endpoint = self.service.endpoint();
        let url = |offset| {
            format!(
                "{endpoint}/pinning/pins/?offset={offset}&limit={PAGE_ROWS}&pinned=all&sortBy=created_at&sortOrder=DESC"
            )
        };
        let offsets = (0..self.pins).step_by(PAGE_ROWS as usize - 1);
        let mut command = Command::new("curl");
        command.args(["-sSf", "-H", &format!("pinning_api_key: {}", self.key.key)]);
        command.args(["-H", &format!("pinning_secret_key: {}", self.key.secret.expose_secret())]);
        for offset in offsets {
            command.args(["-o", "/dev/null", &url(offset)]);
        }
        let started = Instant::now();
        process::output(&mut command)?;
        Ok(started.elapsed())
    }

    fn mirror(&self) -> Result<Connection> {
        open(&self.home.join("holdfast.db"))
    }
}

fn open(database: &Path) -> Result<Connection> {
    Connection::open(database).with_context(|| format!("{} cannot be opened", database.display()))
}

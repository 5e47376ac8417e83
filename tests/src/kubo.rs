//! Kubo, the reference implementation of IPFS, with a repository of its own and without a network.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::process::{self, Group};
use crate::wait::{self, PATIENCE};

/// Names the program; `make interop` builds it.
const PROGRAM: &str = "HOLDFAST_KUBO";

/// A repository. No daemon runs.
#[derive(Debug)]
pub struct Kubo {
    program: PathBuf,
    repository: TempDir,
}

/// Whom a daemon speaks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Whoever comes to it on loopback; it knows nobody.
    Loopback,
    /// Nobody.
    None,
}

/// A repository with a daemon. Killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    /// Dropped before its repository.
    _process: Group,
    /// The base of its HTTP gateway.
    pub gateway: String,
    kubo: Kubo,
}

impl Kubo {
    /// A new repository under one of Kubo's own import profiles or its defaults.
    ///
    /// # Errors
    ///
    /// When `HOLDFAST_KUBO` does not name Kubo.
    pub fn new(profile: Option<&str>) -> Result<Self> {
        let program = std::env::var_os(PROGRAM).with_context(|| format!("{PROGRAM} does not name Kubo"))?;
        let kubo = Self { program: program.into(), repository: tempfile::tempdir()? };
        // `test` listens on loopback alone and knows no peer; `autoconf-off` fetches no settings.
        let profiles = ["test", "autoconf-off"].into_iter().chain(profile).collect::<Vec<_>>().join(",");
        kubo.run(&["init", "--empty-repo", "--profile", &profiles])?;
        Ok(kubo)
    }

    /// Adds a file or directory, hidden files included, and returns the root's CID.
    ///
    /// # Errors
    ///
    /// When Kubo does not take it.
    pub fn add(&self, path: &Path, options: &[&str]) -> Result<String> {
        let fixed = ["add", "--quieter", "--recursive", "--hidden"];
        let arguments = fixed.iter().chain(options).map(OsStr::new).chain([path.as_os_str()]);
        Ok(self.run(&arguments.collect::<Vec<_>>())?.trim_end().to_owned())
    }

    /// Writes the archive of what a root names.
    ///
    /// # Errors
    ///
    /// When Kubo does not have all of it.
    pub fn export(&self, root: &str, archive: &Path) -> Result<()> {
        let mut command = self.command(&["dag", "export", "--progress=false", root]);
        let status = command.stdin(Stdio::null()).stdout(File::create(archive)?).status()?;
        ensure!(status.success(), "ipfs dag export ended with {status}");
        Ok(())
    }

    /// Runs a command and returns what it printed.
    ///
    /// # Errors
    ///
    /// With its standard error, when it does not end well.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<String> {
        process::output(&mut self.command(arguments))
    }

    /// Starts a daemon with a gateway; without a network it answers at once for what it does not have.
    ///
    /// # Errors
    ///
    /// When it ends instead of getting ready.
    pub fn serve(self, network: Network) -> Result<Daemon> {
        self.run(&["config", "Routing.Type", "none"])?;
        let mut command = self.program();
        command.args(["daemon"]).args((network == Network::None).then_some("--offline"));
        let log = self.repository.path().join("daemon.log");
        let (_, output) = process::log_file(&log)?;
        let (_, errors) = process::log_file(&log)?;
        let mut process = Group::spawn(command.stdin(Stdio::null()).stdout(output).stderr(errors))?;
        wait::until("Kubo's daemon", PATIENCE, || {
            let said = fs::read_to_string(&log)?;
            process.check_running().with_context(|| said.clone())?;
            Ok(said.contains("Daemon is ready").then_some(()))
        })?;
        let gateway = fs::read_to_string(self.repository.path().join("gateway"))?.trim_end().to_owned();
        Ok(Daemon { _process: process, gateway, kubo: self })
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = self.program();
        command.arg("--offline").args(arguments);
        command
    }

    fn program(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("IPFS_PATH", self.repository.path()).env("IPFS_TELEMETRY", "off");
        command
    }
}

impl Daemon {
    /// The address of its RPC API.
    ///
    /// # Errors
    ///
    /// When the daemon did not write it down.
    pub fn api_multiaddr(&self) -> Result<String> {
        Ok(fs::read_to_string(self.repository().join("api"))?.trim_end().to_owned())
    }

    /// The base of its RPC API.
    ///
    /// # Errors
    ///
    /// When the daemon did not write it down.
    pub fn api(&self) -> Result<String> {
        let multiaddr = self.api_multiaddr()?;
        let port = multiaddr.rsplit('/').next().context("no port")?;
        Ok(format!("http://127.0.0.1:{port}"))
    }

    /// The directory of its repository.
    pub fn repository(&self) -> &Path {
        self.kubo.repository.path()
    }

    /// Runs a command through the daemon and returns what it printed.
    ///
    /// # Errors
    ///
    /// With its standard error, when it does not end well.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<String> {
        process::output(self.kubo.program().args(arguments))
    }
}

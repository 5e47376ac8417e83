//! Kubo, the reference implementation of IPFS, with a repository of its own and without a network.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::process;

/// Names the program; `make interop` builds it.
const PROGRAM: &str = "HOLDFAST_KUBO";

/// A repository. No daemon runs.
#[derive(Debug)]
pub struct Kubo {
    program: PathBuf,
    repository: TempDir,
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

    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(&self.program);
        command.env("IPFS_PATH", self.repository.path()).env("IPFS_TELEMETRY", "off").arg("--offline").args(arguments);
        command
    }
}

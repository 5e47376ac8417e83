//! Software on node that tests compare with: a folder of `tests/` each, installed by `make`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{self, Group};

/// A folder whose packages are installed.
#[derive(Clone, Debug)]
pub struct Scripts(PathBuf);

impl Scripts {
    /// The folder `tests/<name>`; `None`, after a line that says so, when its packages are not installed.
    ///
    /// # Errors
    ///
    /// When they are not installed where every test must run, which the variable `CI` says.
    pub fn in_folder(name: &str) -> Result<Option<Self>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if folder.join("node_modules").is_dir() {
            return Ok(Some(Self(folder)));
        }
        let why = format!("tests/{name}/node_modules is not there: npm --prefix tests/{name} ci");
        if std::env::var_os("CI").is_some() {
            bail!("{why}");
        }
        crate::say(&format!("SKIPPED {}: {why}", std::thread::current().name().unwrap_or(name)));
        Ok(None)
    }

    /// Runs a script that reads one JSON value and answers with another.
    ///
    /// # Errors
    ///
    /// When it does not end well; the script's own words are on standard error.
    pub fn ask(&self, script: &str, question: &Value) -> Result<Value> {
        let mut command = self.node(script);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start node")?;
        let mut pipe = child.stdin.take().context("no input")?;
        pipe.write_all(&serde_json::to_vec(question)?)?;
        drop(pipe);
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{script} ended with {}", output.status);
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Runs a script with arguments and returns what it printed.
    ///
    /// # Errors
    ///
    /// When it does not end well, with its standard error.
    pub fn run(&self, script: &str, arguments: &[&Path]) -> Result<String> {
        process::output(self.node(script).args(arguments))
    }

    /// Starts a script that prints one JSON value when it is ready, and runs until its group is dropped.
    ///
    /// # Errors
    ///
    /// When it ends instead; its own words are on standard error.
    pub fn start(&self, script: &str, arguments: &[&str]) -> Result<(Group, Value)> {
        let mut command = self.node(script);
        let mut group = Group::spawn(command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let mut line = String::new();
        BufReader::new(group.stdout()?).read_line(&mut line)?;
        let ready = serde_json::from_str(&line).with_context(|| format!("{script} said {line:?}"))?;
        Ok((group, ready))
    }

    fn node(&self, script: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(self.0.join(script));
        command
    }
}

//! The two programs as a person starts them: found where cargo put them, run on a desktop.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::desktop::Desktop;
use crate::process::{self, Group};

/// Names the directory with the programs, when it is not the one that this test was built into.
const PROGRAMS: &str = "HOLDFAST_PROGRAMS";

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The window.
    pub desktop: PathBuf,
    /// The command.
    pub command: PathBuf,
}

impl Programs {
    /// Finds both programs, and builds what is not there.
    ///
    /// # Errors
    ///
    /// When they cannot be built.
    pub fn find() -> Result<Self> {
        let directory = match std::env::var_os(PROGRAMS) {
            Some(directory) => PathBuf::from(directory),
            None => beside_this_program()?,
        };
        let found = Self { desktop: directory.join("holdfast-desktop"), command: directory.join("holdfast") };
        if !found.desktop.exists() || !found.command.exists() {
            let release = directory.ends_with("release").then_some("--release");
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            // The same units as `cargo test --workspace`, so that nothing is compiled twice.
            let status = Command::new(cargo)
                .args(["build", "--workspace", "--all-targets"])
                .args(release)
                .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
                .status()?;
            ensure!(status.success(), "the programs cannot be built");
        }
        Ok(found)
    }
}

/// Where screenshots are kept for people to look at.
///
/// # Errors
///
/// When this program's own place is unknown.
pub fn screenshots() -> Result<PathBuf> {
    let programs = beside_this_program()?;
    Ok(programs.parent().context("no target directory")?.join("screenshots"))
}

/// Tests are in `deps`, below the programs.
fn beside_this_program() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let directory = this.parent().context("this program is nowhere")?;
    let is_deps = directory.ends_with("deps");
    Ok(if is_deps { directory.parent().context("deps is nowhere")? } else { directory }.to_owned())
}

/// The `holdfast` command on a desktop, with a home.
#[derive(Clone, Copy, Debug)]
pub struct Cli<'a> {
    /// Whose keyring it uses.
    pub desktop: &'a Desktop,
    /// The program.
    pub program: &'a Path,
    /// Where it keeps its state.
    pub home: &'a Path,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl<'a> Cli<'a> {
    /// Runs it to its end.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Result<Answer> {
        self.run_with_input(arguments, "")
    }

    /// Runs it to its end with something on its standard input.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn run_with_input<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S], input: &str) -> Result<Answer> {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut pipe = child.stdin.take().context("no input")?;
        // It may well end without reading any of it.
        pipe.write_all(input.as_bytes()).ok();
        drop(pipe);
        let output = child.wait_with_output()?;
        Ok(Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout)?,
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Starts `serve` and waits for the line with its keys.
    ///
    /// # Errors
    ///
    /// When it ends instead.
    pub fn serve(&self) -> Result<Server> {
        self.serve_at("127.0.0.1:0")
    }

    /// Starts `serve` at an address of its own.
    ///
    /// # Errors
    ///
    /// When it ends instead.
    pub fn serve_at(&self, listen: &str) -> Result<Server> {
        let (_, log) = process::log_file(&self.desktop.log("serve"))?;
        let mut command = self.command();
        command.args(["serve", "--listen", listen, "--json"]);
        let mut group = Group::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log))?;
        let mut line = String::new();
        BufReader::new(group.stdout()?).read_line(&mut line)?;
        let first: Value = serde_json::from_str(&line)
            .with_context(|| format!("{line:?}; see {}", self.desktop.log("serve").display()))?;
        let field = |name: &str| -> Result<String> {
            Ok(first[name].as_str().with_context(|| format!("no {name} in {first}"))?.to_owned())
        };
        Ok(Server {
            endpoint: field("endpoint")?,
            gateway: field("gateway")?,
            key: field("key")?,
            secret: field("secret")?,
            group,
        })
    }

    /// Adds the account of a running server.
    ///
    /// # Errors
    ///
    /// When the command refuses it.
    pub fn add_account(&self, label: &str, server: &Server) -> Result<()> {
        let arguments = ["account", "add", "--kind", "aioz", "--label", label, "--endpoint", &server.endpoint];
        let arguments = [&arguments[..], &["--key", &server.key, "--secret-stdin", "--json"]].concat();
        self.run_with_input(&arguments, &server.secret)?.done()?;
        Ok(())
    }

    /// The command, not yet started.
    pub fn command(&self) -> Command {
        let mut command = self.desktop.command(self.program);
        command.env("HOLDFAST_HOME", self.home);
        command
    }
}

impl Answer {
    /// The answer itself, when it is a success.
    ///
    /// # Errors
    ///
    /// With what was printed, for every other exit code.
    pub fn done(self) -> Result<Self> {
        if self.code != 0 {
            bail!("exit code {}: {}{}", self.code, self.out, self.err);
        }
        Ok(self)
    }

    /// The JSON values on standard output, one after another.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn values(&self) -> Result<Vec<Value>> {
        serde_json::Deserializer::from_str(&self.out)
            .into_iter()
            .collect::<Result<_, _>>()
            .with_context(|| format!("{}{}", self.out, self.err))
    }

    /// The only JSON value on standard output.
    ///
    /// # Errors
    ///
    /// When there are none or several.
    pub fn value(&self) -> Result<Value> {
        let mut values = self.values()?;
        ensure!(values.len() == 1, "{} values: {}{}", values.len(), self.out, self.err);
        values.pop().context("nothing")
    }
}

/// A running `holdfast serve`. Ends when dropped.
#[derive(Debug)]
pub struct Server {
    /// The base of its API.
    pub endpoint: String,
    /// The base of its gateway.
    pub gateway: String,
    /// The public half of its key.
    pub key: String,
    /// The secret half.
    pub secret: String,
    group: Group,
}

impl Server {
    /// The process.
    pub fn id(&self) -> u32 {
        self.group.id()
    }
}

//! Something sent to a service by `holdfast add` or by `curl`. Each goes into a service of its own: one that has the blocks
//! already has nothing to write.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::run;
use crate::desktop::{Desktop, Session};
use crate::holdfast::{Cli, Programs, Server};
use crate::memory::{self, Bytes, Run};
use crate::process::{self, Group};
use crate::sink::Sink;

const LABEL: &str = "Bench";

/// Between two looks at a folder whose files are being pinned.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Who sends.
pub(super) struct Sending {
    desktop: Desktop,
    program: PathBuf,
}

/// An upload to `holdfast serve`, and the memory of the service.
pub(super) struct Added {
    pub(super) run: Run,
    pub(super) serve: Bytes,
}

impl Sending {
    pub(super) fn start() -> Result<Self> {
        Ok(Self { desktop: Desktop::start(Session::WithKeyring)?, program: Programs::find()?.command })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.desktop.directory().join(name)
    }

    /// A file of zeros that takes no room on the disk.
    pub(super) fn sparse(&self, name: &str, bytes: u64) -> Result<PathBuf> {
        let path = self.path(name);
        File::create(&path)?.set_len(bytes)?;
        Ok(path)
    }

    pub(super) fn cid(&self, path: &Path) -> Result<Run> {
        run(self.desktop.command(&self.program).args(["cid", "--json"]).arg(path))
    }

    /// Into an empty `holdfast serve`.
    pub(super) fn add(&self, paths: &[&PathBuf]) -> Result<Added> {
        let (server, directory) = self.serve()?;
        let home = directory.path().join("holdfast");
        let cli = Cli { desktop: &self.desktop, program: &self.program, home: &home };
        cli.add_account(LABEL, &server)?;
        let mut command = self.desktop.command(&self.program);
        command.env("HOLDFAST_HOME", &home).args(["add", "--json", "--account", LABEL]).args(paths);
        let run = run(&mut command)?;
        for added in serde_json::Deserializer::from_str(&run.output).into_iter::<Value>() {
            let added = added?;
            ensure!(added["verified"] == true, "not verified: {added}");
        }
        Ok(Added { run, serve: memory::peak_of(server.id())? })
    }

    /// Into an empty home of its own, without another service.
    pub(super) fn add_to_this_computer(&self, paths: &[&PathBuf]) -> Result<Run> {
        let directory = tempfile::tempdir_in(self.desktop.directory())?;
        let mut command = self.desktop.command(&self.program);
        command.env("HOLDFAST_HOME", directory.path().join("holdfast")).args(["add", "--json"]).args(paths);
        run(&mut command)
    }

    /// To a service that takes bytes as fast as it can and keeps none. It answers with the CID of something else: that pins are
    /// verified is asserted in the scenarios.
    pub(super) fn add_to_sink(&self, paths: &[&PathBuf]) -> Result<(Run, Sink)> {
        let (sink, directory) = (Sink::start()?, tempfile::tempdir_in(self.desktop.directory())?);
        let home = directory.path().join("holdfast");
        let cli = Cli { desktop: &self.desktop, program: &self.program, home: &home };
        cli.run(&["account", "add", "--kind", "kubo", "--label", LABEL, "--endpoint", &sink.endpoint()])?.done()?;
        let mut command = self.desktop.command(&self.program);
        command.env("HOLDFAST_HOME", &home).args(["add", "--json", "--account", LABEL]).args(paths);
        Ok((run(&mut command)?, sink))
    }

    /// The same by `curl`, which is told what to send.
    pub(super) fn curl(&self, arguments: &[&str]) -> Result<Duration> {
        self.curl_with(arguments, Stdio::null())
    }

    /// The same with something on its standard input.
    pub(super) fn curl_with(&self, arguments: &[&str], input: Stdio) -> Result<Duration> {
        let (server, _directory) = self.serve()?;
        let mut command = Command::new("curl");
        command.stdin(input).args(["-sSf", "-H", &format!("pinning_api_key: {}", server.key)]);
        command.args(["-H", &format!("pinning_secret_key: {}", server.secret)]);
        command.args(arguments).arg(format!("{}/pinning/", server.endpoint));
        let started = Instant::now();
        let answer = process::output(&mut command)?;
        let time = started.elapsed();
        let answer: Value = serde_json::from_str(&answer)?;
        ensure!(answer["data"]["cid"].is_string(), "not pinned: {answer}");
        Ok(time)
    }

    /// Each file by itself, by one `curl` that sends so many at once.
    pub(super) fn curl_each(&self, files: &[PathBuf], at_once: usize) -> Result<Duration> {
        let (server, directory) = self.serve()?;
        let config = directory.path().join("curl.config");
        let each = files.iter().map(|file| {
            format!(
                "url = \"{}/pinning/\"\nheader = \"pinning_api_key: {}\"\nheader = \"pinning_secret_key: {}\"\n\
                 form = \"file=@{}\"\noutput = \"/dev/null\"\nwrite-out = \"%{{http_code}}\\n\"\nsilent\n",
                server.endpoint,
                server.key,
                server.secret,
                file.display()
            )
        });
        std::fs::write(&config, each.collect::<Vec<_>>().join("next\n"))?;
        let mut command = Command::new("curl");
        command.args(["--parallel", "--parallel-max", &at_once.to_string(), "--config"]).arg(&config);
        let started = Instant::now();
        let answers = process::output(&mut command)?;
        let time = started.elapsed();
        let pinned = answers.lines().filter(|code| code.starts_with('2')).count();
        ensure!(pinned == files.len(), "{pinned} of {} are pinned", files.len());
        Ok(time)
    }

    /// A folder whose files are pinned one by one, as another command sees it: how long the first tenth took from the first of
    /// them on, the last tenth, and all.
    pub(super) fn watch(&self, folder: &Path, files: usize) -> Result<[Duration; 3]> {
        let (server, directory) = self.serve()?;
        let home = directory.path().join("holdfast");
        let cli = Cli { desktop: &self.desktop, program: &self.program, home: &home };
        cli.add_account(LABEL, &server)?;
        let folder = folder.to_string_lossy();
        cli.run(&["folder", "add", "--settle", "0", "--account", LABEL, &folder])?.done()?;
        let mut watching = cli.command();
        watching.args(["folder", "run"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut watching = Group::spawn(&mut watching)?;
        let steps = [1, files / 10, files - files / 10, files];
        let mut reached = Vec::new();
        while let Some(step) = steps.get(reached.len()) {
            watching.check_running()?;
            let listed = cli.run(&["folder", "ls", "--json"])?.done()?.value()?;
            let (pinned, failed) = (listed[0]["pinned"].as_u64(), listed[0]["failed"].as_u64());
            ensure!(failed == Some(0), "not everything is pinned: {listed}");
            if pinned.is_some_and(|pinned| pinned >= *step as u64) {
                reached.push(Instant::now());
            } else {
                std::thread::sleep(LOOK_AGAIN);
            }
        }
        let [one, tenth, before_last, all] = reached.as_slice() else { bail!("it was not followed") };
        Ok([*tenth - *one, *all - *before_last, *all - *one])
    }

    /// A new service with nothing in it, on a disk that has nothing left to write.
    fn serve(&self) -> Result<(Server, TempDir)> {
        let directory = tempfile::tempdir_in(self.desktop.directory())?;
        let home = directory.path().join("server");
        let server = Cli { desktop: &self.desktop, program: &self.program, home: &home }.serve()?;
        rustix::fs::sync();
        Ok((server, directory))
    }
}

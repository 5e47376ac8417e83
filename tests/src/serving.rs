//! `holdfast serve` without a desktop: as on a server.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::holdfast::Programs;
use crate::process::{Group, log_file};

const BOUNDARY: &str = "a-line-that-is-in-no-file";

/// A running service. Killed when dropped.
#[derive(Debug)]
pub struct Serving {
    /// The process.
    pub process: Group,
    /// What it said when it was ready.
    pub first_line: Value,
    /// Where its log is.
    pub log: PathBuf,
}

impl Serving {
    /// Starts it with a home, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it ends instead.
    pub fn start(home: &Path, options: &[&str]) -> Result<Self> {
        Self::start_in(home, options, &[])
    }

    /// The same with more in its environment.
    ///
    /// # Errors
    ///
    /// When it ends instead.
    pub fn start_in(home: &Path, options: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(Programs::find()?.command);
        command.envs(environment.iter().copied()).env_remove("NO_PROXY").env_remove("no_proxy");
        command.env("HOLDFAST_LOG", "debug").arg("--home").arg(home).args(["serve", "--json"]).args(options);
        let log = home.with_extension("log");
        let (_, stderr) = log_file(&log)?;
        let mut process = Group::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr))?;
        let mut line = String::new();
        BufReader::new(process.stdout()?).read_line(&mut line)?;
        let first_line = serde_json::from_str(&line).with_context(|| format!("{line:?}; see {}", log.display()))?;
        Ok(Self { process, first_line, log })
    }

    /// One of the texts that it said first.
    ///
    /// # Errors
    ///
    /// When it did not say that.
    pub fn text(&self, field: &str) -> Result<&str> {
        self.first_line[field].as_str().with_context(|| format!("no {field} in {}", self.first_line))
    }

    /// Uploads a directory and gives its CID.
    ///
    /// # Errors
    ///
    /// When it is not pinned.
    pub async fn upload(&self, files: &[(&str, &[u8])]) -> Result<String> {
        let mut body = Vec::new();
        for (path, bytes) in files {
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{path}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        // A second test of this process finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let request = client
            .post(format!("{}/pinning/", self.text("endpoint")?))
            .header("pinning_api_key", self.text("key")?)
            .header("pinning_secret_key", self.text("secret")?)
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        let reply: Value = request.body(body).send().await?.error_for_status()?.json().await?;
        Ok(reply["data"]["cid"].as_str().context("no CID")?.to_owned())
    }
}

//! A verifying client that others wrote (npm `@helia/verified-fetch`, in `tests/verified-fetch`), unmodified, against the
//! gateway of a running service.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use chacha20::cipher::{KeyIvInit, StreamCipher};
use holdfast_tests::holdfast::Programs;
use holdfast_tests::process::{self, Group};
use serde_json::Value;
use tempfile::TempDir;

const BOUNDARY: &str = "a-line-that-is-in-no-file";

/// A running `holdfast serve` with a home of its own.
struct Server {
    // First, so that it is gone when the directory is removed.
    _process: Group,
    first_line: Value,
    directory: TempDir,
}

impl Server {
    fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut command = Command::new(Programs::find()?.command);
        command.arg("--home").arg(directory.path().join("home")).args(["serve", "--json"]);
        let mut process = Group::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let mut line = String::new();
        BufReader::new(process.stdout()?).read_line(&mut line)?;
        let first_line = serde_json::from_str(&line).with_context(|| line.clone())?;
        Ok(Self { _process: process, first_line, directory })
    }

    fn text(&self, field: &str) -> Result<&str> {
        self.first_line[field].as_str().with_context(|| format!("no {field} in {}", self.first_line))
    }

    /// Uploads a directory and gives its CID.
    async fn upload(&self, files: &[(&str, &[u8])]) -> Result<String> {
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

    /// Fetches with the client; gives each address's status and body.
    fn fetch(&self, folder: &Path, addresses: &[String]) -> Result<Vec<(Value, Vec<u8>)>> {
        let bodies = self.directory.path().join("bodies");
        fs::create_dir(&bodies)?;
        let mut command = Command::new("node");
        command.current_dir(folder).arg("fetch.mjs").arg(self.text("gateway")?).arg(&bodies).args(addresses);
        let lines = process::output(&mut command)?;
        let answers = lines.lines().enumerate().map(|(number, line)| {
            let answer: Value = serde_json::from_str(line)?;
            ensure!(answer["error"].is_null(), "{line}");
            Ok((answer["status"].clone(), fs::read(bodies.join(number.to_string()))?))
        });
        answers.collect()
    }
}

/// The client's folder; `None`, said aloud, when it is not installed and need not be.
fn client() -> Result<Option<PathBuf>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/verified-fetch"));
    if folder.join("node_modules").exists() {
        return Ok(Some(folder));
    }
    let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    ensure!(!is_ci, "{} has no node_modules", folder.display());
    eprintln!("SKIPPED: {} has no node_modules; `make test` installs them", folder.display());
    Ok(None)
}

fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    chacha20::ChaCha8::new(&[7; 32].into(), &[0; 12].into()).apply_keystream(&mut bytes);
    bytes
}

#[tokio::test]
async fn a_verifying_client_fetches_a_directory_and_a_file_of_many_blocks() -> Result<()> {
    let Some(folder) = client()? else { return Ok(()) };
    let server = Server::start()?;
    let large = noise(5 * 1024 * 1024 + 7);
    let page = b"<h1>hi</h1>";
    let files: [(&str, &[u8]); 3] =
        [("site/index.html", page), ("site/sub/large", &large), ("site/sub/a b#c.txt", b"small")];
    let cid = server.upload(&files).await?;
    let addresses = [
        format!("ipfs://{cid}/"),
        format!("ipfs://{cid}/sub/large"),
        format!("ipfs://{cid}/sub/a%20b%23c.txt"),
        format!("ipfs://{cid}?format=tar"),
        format!("ipfs://{cid}/sub/nothing"),
    ];
    let answers = server.fetch(&folder, &addresses)?;
    let statuses: Vec<_> = answers.iter().filter_map(|(status, _)| status.as_u64()).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 404]);
    assert_eq!(answers[0].1, page);
    assert!(answers[1].1 == large, "another file came");
    assert_eq!(answers[2].1, b"small");
    // The whole directory, put together by the client: the files stand in it as they are.
    let archive = &answers[3].1;
    for (path, bytes) in files {
        assert!(archive.windows(bytes.len()).any(|window| window == bytes), "{path} is not in the directory");
    }
    Ok(())
}

//! A verifying client that others wrote (npm `@helia/verified-fetch`, in `tests/verified-fetch`), unmodified, against the
//! gateway of a running service.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use chacha20::cipher::{KeyIvInit, StreamCipher};
use holdfast_tests::process;
use holdfast_tests::serving::Serving;
use serde_json::Value;

/// Fetches with the client; gives each address's status and body.
fn fetch(client: &Path, gateway: &str, addresses: &[String]) -> Result<Vec<(Value, Vec<u8>)>> {
    let bodies = tempfile::tempdir()?;
    let mut command = Command::new("node");
    command.current_dir(client).arg("fetch.mjs").arg(gateway).arg(bodies.path()).args(addresses);
    let lines = process::output(&mut command)?;
    let answers = lines.lines().enumerate().map(|(number, line)| {
        let answer: Value = serde_json::from_str(line)?;
        ensure!(answer["error"].is_null(), "{line}");
        Ok((answer["status"].clone(), fs::read(bodies.path().join(number.to_string()))?))
    });
    answers.collect()
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
    let directory = tempfile::tempdir()?;
    let server = Serving::start(&directory.path().join("home"), &[])?;
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
    let answers = fetch(&folder, server.text("gateway")?, &addresses)?;
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

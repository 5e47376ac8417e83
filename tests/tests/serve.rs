//! `holdfast serve` as an operator runs it: addresses, keys, logs, and its end.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use holdfast_tests::holdfast::Programs;
use holdfast_tests::process;
use holdfast_tests::samples;
use holdfast_tests::serving::Serving;
use holdfast_tests::wait::{self, PATIENCE};
use serde_json::Value;

/// What it says instead of serving.
fn refusal(home: &Path, options: &[&str]) -> Result<String> {
    let output = Command::new(Programs::find()?.command).arg("--home").arg(home).arg("serve").args(options).output()?;
    assert!(!output.status.success(), "{options:?}");
    Ok(String::from_utf8(output.stderr)?)
}

fn count_blocks(home: &Path) -> Result<usize> {
    let mut blocks = 0;
    for shard in fs::read_dir(home.join("service/blocks"))? {
        blocks += fs::read_dir(shard?.path())?.count();
    }
    Ok(blocks)
}

#[test]
fn other_computers_are_let_in_only_when_that_was_said() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let home = directory.path().join("home");
    assert!(refusal(&home, &["--listen", "0.0.0.0:0"])?.contains("--public"));
    assert!(refusal(&home, &["--listen", "0.0.0.0:0", "--public"])?.contains("--plain-http"));
    let missing = ["--tls-cert", "/nothing.crt", "--tls-key", "/nothing.key"];
    assert!(refusal(&home, &missing)?.contains("/nothing.crt cannot be read"));
    let served = Serving::start(&home, &["--listen", "0.0.0.0:0", "--public", "--plain-http"])?;
    assert!(fs::read_to_string(&served.log)?.contains("Other computers can reach this service"));
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_tls_key_that_others_can_read_is_warned_of() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir()?;
    let (certificate, key) = (directory.path().join("a.crt"), directory.path().join("a.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()?;
    anyhow::ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let path = |path: &Path| path.to_str().context("a path").map(str::to_owned);
    let (certificate, key_path) = (path(&certificate)?, path(&key)?);
    for (mode, is_warned) in [(0o600, false), (0o640, false), (0o644, true), (0o646, true)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode))?;
        let home = directory.path().join(format!("home{mode:o}"));
        let served = Serving::start(&home, &["--tls-cert", &certificate, "--tls-key", &key_path])?;
        let log = fs::read_to_string(&served.log)?;
        assert_eq!(log.contains("can pass for this service: chmod 600 it"), is_warned, "{mode:o}: {log}");
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_key_file_keeps_the_secret_out_of_what_is_printed_and_logged() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir()?;
    let (home, file) = (directory.path().join("home"), directory.path().join("key.json"));
    let options = ["--key-file", file.to_str().context("a path")?, "--log", "json"];
    let served = Serving::start(&home, &options)?;
    let key: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
    let secret = key["secret"].as_str().context("a secret")?.to_owned();
    assert_eq!(fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    assert!(!served.first_line.to_string().contains(&secret));
    let gateway = served.text("gateway")?.strip_prefix("http://").context("an address")?.to_owned();
    let mut stream = TcpStream::connect(&gateway)?;
    write!(
        stream,
        "GET /api/pinning/pins HTTP/1.1\r\nHost: {gateway}\r\nConnection: close\r\npinning_api_key: {}\r\n\
         pinning_secret_key: {secret}\r\n\r\n",
        key["key"].as_str().context("a key")?
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let log = fs::read_to_string(&served.log)?;
    assert!(log.contains("\"route\":\"/api/pinning/pins\""), "{log}");
    assert!(!log.contains(&secret));
    for line in log.lines() {
        serde_json::from_str::<Value>(line).with_context(|| line.to_owned())?;
    }
    drop(served);
    // Once it is there, no more keys are made.
    let again = Serving::start(&home, &options)?;
    assert_eq!(serde_json::from_str::<Value>(&fs::read_to_string(&file)?)?["secret"], secret.as_str());
    drop(again);
    Ok(())
}

#[tokio::test]
async fn when_it_is_told_to_end_it_rolls_back_what_was_not_acknowledged() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let home = directory.path().join("home");
    let mut served = Serving::start(&home, &[])?;
    let cid = served.upload(&[("kept/a", b"a")]).await?;
    let before = count_blocks(&home)?;
    let gateway = served.text("gateway")?.strip_prefix("http://").context("an address")?.to_owned();
    let mut stream = TcpStream::connect(&gateway)?;
    write!(
        stream,
        "POST /api/pinning/ HTTP/1.1\r\nHost: {gateway}\r\npinning_api_key: {}\r\npinning_secret_key: {}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000000\r\n\r\n\
         --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n",
        served.text("key")?,
        served.text("secret")?
    )?;
    stream.write_all(&vec![7; 4_000_000])?;
    wait::until("blocks of the upload", PATIENCE, || Ok((count_blocks(&home)? > before).then_some(())))?;
    process::terminate(served.process.id())?;
    let status = wait::until("its end", PATIENCE, || served.process.ended())?;
    assert!(status.success(), "{status}");
    assert_eq!(count_blocks(&home)?, before, "blocks of an upload that was not acknowledged");
    let served = Serving::start(&home, &[])?;
    let kept = reqwest::Client::builder().no_proxy().build()?;
    let kept = kept.get(format!("{}/ipfs/{cid}/a", served.text("gateway")?)).send().await?;
    assert_eq!(kept.text().await?, "a");
    Ok(())
}

#[tokio::test]
async fn more_connections_than_there_are_places_keep_nobody_out() -> Result<()> {
    const MANY: usize = 530;
    let directory = tempfile::tempdir()?;
    let served = Serving::start(&directory.path().join("home"), &[])?;
    let gateway = served.text("gateway")?.strip_prefix("http://").context("an address")?.to_owned();
    // A second test of this process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A connection that it keeps would be one of those that make room.
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(PATIENCE).build()?;
    for (sent, what) in [
        ("", "ask nothing"),
        ("GET /health HTTP/1.1\r\nHos", "send half a head"),
        ("GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n", "are refused"),
        ("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", "were answered"),
    ] {
        let mut held = Vec::new();
        for _ in 0..MANY {
            let mut stream = TcpStream::connect(&gateway)?;
            // Ended already is as good.
            stream.write_all(sent.as_bytes()).ok();
            held.push(stream);
        }
        let health = client.get(format!("http://{gateway}/health")).send().await.with_context(|| what)?;
        assert_eq!(health.status(), 200, "while {MANY} connections {what}");
        drop(held);
    }
    Ok(())
}

/// The most memory that a process has had, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory_bytes(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no peak")?;
    Ok(peak.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_sent_is_never_in_memory_as_a_whole() -> Result<()> {
    const MEBIBYTE: u64 = 1024 * 1024;
    let directory = tempfile::tempdir()?;
    let served = Serving::start(&directory.path().join("home"), &[])?;
    let noise = directory.path().join("noise");
    samples::write_noise(&noise, "what is sent", 64 * MEBIBYTE)?;
    let cid = served.upload(&[("d/large", &fs::read(&noise)?)]).await?;
    let before = peak_memory_bytes(served.process.id())?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    for form in ["/large", "?format=car", "/large?format=car&entity-bytes=1:-2&car-dups=y"] {
        // Four at a time, of which one reads as slowly as it can.
        let url = format!("{}/ipfs/{cid}{form}", served.text("gateway")?);
        let slow = client.get(&url).send().await?.error_for_status()?;
        let fast: Vec<_> = (0..3).map(|_| client.get(&url).send()).collect();
        for response in fast {
            let mut response = response.await?.error_for_status()?;
            let mut received = 0;
            while let Some(piece) = response.chunk().await? {
                received += piece.len() as u64;
            }
            assert!(received >= 64 * MEBIBYTE - 3, "{form}: {received}");
        }
        drop(slow);
    }
    let after = peak_memory_bytes(served.process.id())?;
    assert!(after.saturating_sub(before) < 24 * MEBIBYTE, "{before} bytes, then {after}");
    assert!(after < 128 * MEBIBYTE, "{after}");
    Ok(())
}

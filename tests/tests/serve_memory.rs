//! What many requests at one time take of a service's memory: no more than its budget, whoever sends them and however slowly
//! they are read. Memory is measured, and no time.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};
use holdfast_tests::memory::{self, Bytes};
use holdfast_tests::process;
use holdfast_tests::serving::Serving;
use holdfast_tests::wait::{self, PATIENCE};
use serde_json::json;

/// The share of one owner of keys, half of what there is for all, and as much again for what a service takes anyway and what
/// its allocator keeps for each thread. The unit in `contrib` gives it twice that.
const PEAK: Bytes = Bytes::mib(2 * 256);

/// What a service takes for one upload, whatever is in it.
const ONE: Bytes = Bytes::mib(64);

const BOUNDARY: &str = "a-line-that-is-in-no-file";

struct Service {
    served: Serving,
    address: String,
    _directory: tempfile::TempDir,
}

impl Service {
    fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let served = Serving::start(&directory.path().join("home"), &["--listen", "127.0.0.1:0"])?;
        let address = served.text("gateway")?.strip_prefix("http://").context("an address")?.to_owned();
        Ok(Self { served, address, _directory: directory })
    }

    /// Begins a request with this home's key.
    fn begin(&self, line: &str, headers: &str) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\npinning_api_key: {}\r\npinning_secret_key: {}\r\n{headers}\r\n",
            self.address,
            self.served.text("key")?,
            self.served.text("secret")?
        )?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// The most memory that it had, once it has nothing to do.
    fn peak(&self) -> Result<Bytes> {
        let id = self.served.process.id();
        wait::until("the service to have nothing to do", PATIENCE, || process::is_idle(id))?;
        memory::peak_of(id)
    }
}

/// The status of what is answered.
fn status(mut stream: TcpStream) -> Result<u16> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = String::from_utf8_lossy(&answer[..answer.len().min(1000)]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).with_context(|| head.clone())?;
    ensure!(status != 503 || head.contains("retry-after:"), "{head}");
    Ok(status)
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|other| **other == status).count()
}

#[test]
fn the_deep_trees_of_fifteen_uploads_take_one_share_of_the_memory() -> Result<()> {
    const UPLOADS: usize = 15;
    const PARTS: usize = 650;
    let service = Service::start()?;
    let deep = vec!["d"; 250].join("/");
    let mut parts = String::new();
    for number in 0..PARTS {
        parts.push_str(&format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"t/{number}/{deep}\"\r\n\
             Content-Type: application/x-directory\r\n\r\n\r\n"
        ));
    }
    let end = format!("--{BOUNDARY}--\r\n");
    let headers = format!(
        "Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n",
        parts.len() + end.len()
    );
    let mut uploads = Vec::new();
    for _ in 0..UPLOADS {
        let mut upload = service.begin("POST /api/pinning/", &headers)?;
        upload.write_all(parts.as_bytes())?;
        uploads.push(upload);
    }
    let peak = service.peak()?;
    let mut statuses = Vec::new();
    for mut upload in uploads {
        // One that was refused may have been answered already.
        upload.write_all(end.as_bytes()).ok();
        statuses.push(status(upload)?);
    }
    let peak = peak.max(service.peak()?);
    holdfast_tests::say(&format!("{UPLOADS} uploads of {} bytes: {peak}, {statuses:?}", parts.len()));
    let (taken, refused) = (count(&statuses, 201) + count(&statuses, 409), count(&statuses, 503));
    assert!(taken > 0 && refused > 0 && taken + refused == UPLOADS, "{statuses:?}");
    assert!(peak < PEAK, "the service took {peak}");
    Ok(())
}

#[test]
fn many_small_files_of_one_upload_are_not_in_memory_together() -> Result<()> {
    const PARTS: u64 = 10_000;
    const BYTES: usize = 20_000;
    let service = Service::start()?;
    let part = |number: u64| {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"t/{:03}/{number:06}\"\r\n\r\n{number:0BYTES$}\r\n",
            number / 100
        )
    };
    let end = format!("--{BOUNDARY}--\r\n");
    let headers = format!(
        "Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n",
        PARTS * part(0).len() as u64 + end.len() as u64
    );
    let mut upload = service.begin("POST /api/pinning/", &headers)?;
    for number in 0..PARTS {
        upload.write_all(part(number).as_bytes())?;
    }
    upload.write_all(end.as_bytes())?;
    assert_eq!(status(upload)?, 201);
    let peak = service.peak()?;
    holdfast_tests::say(&format!("{PARTS} files of {BYTES} bytes: {peak}"));
    assert!(peak < ONE, "the service took {peak}");
    Ok(())
}

#[test]
fn lists_that_nobody_reads_take_one_share_of_the_memory() -> Result<()> {
    const CLIENTS: usize = 64;
    let service = Service::start()?;
    for number in 0..150_u8 {
        // A CID that is its own block.
        let cid = holdfast_content::Cid::try_from(vec![1, 0x55, 0, 1, number])?;
        let keyvalues = json!({ "k": "v".repeat(60_000) });
        let body = json!({ "hash_to_pin": cid.to_string(), "metadata": { "keyvalues": keyvalues } }).to_string();
        let mut pin = service.begin("POST /api/pinning/pinByHash", &format!("Content-Length: {}\r\n", body.len()))?;
        pin.write_all(body.as_bytes())?;
        assert_eq!(status(pin)?, 200);
    }
    let lists = (0..CLIENTS).map(|_| service.begin("GET /api/pinning/pins?limit=1000", ""));
    let lists = lists.collect::<Result<Vec<_>>>()?;
    // Those that wait are turned away in the end.
    let peak = service.peak()?;
    let statuses = lists.into_iter().map(status).collect::<Result<Vec<_>>>()?;
    let peak = peak.max(service.peak()?);
    holdfast_tests::say(&format!("{CLIENTS} lists that nobody read: {peak}, {statuses:?}"));
    let (taken, refused) = (count(&statuses, 200), count(&statuses, 503));
    assert!(taken > 0 && taken + refused == CLIENTS, "{statuses:?}");
    assert!(peak < PEAK, "the service took {peak}");
    Ok(())
}

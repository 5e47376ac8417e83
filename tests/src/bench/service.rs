//! What the pinning service costs: a large upload against copying and hashing the same file, many small files in one
//! request, peak memory.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::limits::{self, Verdict};
use super::{MIB, median, ratio};
use crate::holdfast::Programs;
use crate::memory::{self, Bytes};
use crate::process::{self, Group};
use crate::samples;

const ROUNDS: usize = 3;
const FILES: usize = 10_000;
const FILE_BYTES: usize = 1000;
const BOUNDARY: &str = "holdfast-bench";

/// Measures and prints. `HOLDFAST_BENCH_MIB` makes the large file smaller than 1024 MiB.
///
/// # Errors
///
/// When an upload fails.
pub fn measure(verdict: &mut Verdict) -> Result<()> {
    let mib = std::env::var("HOLDFAST_BENCH_MIB").map_or(Ok(1024), |text| text.parse::<u64>())?;
    let directory = tempfile::tempdir()?;
    let bench = Bench { directory: directory.path(), program: Programs::find()?.command };
    let mut out = stdout();
    let mut peak = Bytes::default();

    writeln!(out, "the disk: {} durable writes of 4 KiB a second, one after another", bench.durable_writes()?)?;
    writeln!(
        out,
        "upload of {mib} MiB by curl into an empty service, against cp, sync and sha256sum of the same file"
    )?;
    let file = directory.path().join("large.bin");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        samples::write_noise(&file, &format!("service round {round}"), mib * MIB)?;
        let upload = bench.upload(&["-F", &format!("file=@{}", file.display())])?;
        let copied = bench.copy_and_hash(&file)?;
        writeln!(out, "  round {round}: upload {:.2?}, copied and hashed {copied:.2?}", upload.time)?;
        peak = peak.max(upload.peak);
        ours.push(upload.time);
        theirs.push(copied);
    }
    let (ours, theirs) = (median(ours)?, median(theirs)?);
    let ratio = ratio(ours, theirs);
    writeln!(out, "  median:  upload {ours:.2?}, copied and hashed {theirs:.2?}, ratio {ratio:.2}")?;

    let form = directory.path().join("form");
    let content_type = format!("content-type: multipart/form-data; boundary={BOUNDARY}");
    // Until the last round has ended, nothing is removed: ext4 makes new files slowly beside ones that it has just removed.
    let mut many = Vec::new();
    for round in 1..=ROUNDS {
        write_form(&form, &format!("files round {round}"), directory.path())?;
        let upload = bench.upload(&["-H", &content_type, "--data-binary", &format!("@{}", form.display())])?;
        peak = peak.max(upload.peak);
        many.push(upload);
    }
    let many = median(many.iter().map(|upload| upload.time).collect())?;
    let per_second = FILES as f64 / many.as_secs_f64();
    writeln!(out, "{FILES} files of {FILE_BYTES} bytes in one request: {many:.2?}, {per_second:.0} files a second")?;
    verdict.memory(limits::SERVE_MEMORY, "in both", peak)?;
    verdict.ratio(limits::SERVE_TIME, ratio)
}

struct Bench<'a> {
    directory: &'a Path,
    program: PathBuf,
}

struct Upload {
    time: Duration,
    peak: Bytes,
    _home: TempDir,
}

impl Bench<'_> {
    /// Sends something to a new service with nothing in it, on a disk that has nothing left to write.
    fn upload(&self, arguments: &[&str]) -> Result<Upload> {
        let home = TempDir::new_in(self.directory)?;
        let mut command = Command::new(&self.program);
        command.args(["--json", "--home"]).arg(home.path()).args(["serve", "--quota", "none"]);
        let mut group = Group::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()))?;
        let mut line = String::new();
        BufReader::new(group.stdout()?).read_line(&mut line)?;
        let serving: Value = serde_json::from_str(&line)?;
        let field = |name: &str| serving[name].as_str().with_context(|| format!("no {name} in {line}"));
        rustix::fs::sync();
        let mut curl = Command::new("curl");
        curl.args(["-sSf", "-H", &format!("pinning_api_key: {}", field("key")?)]);
        curl.args(["-H", &format!("pinning_secret_key: {}", field("secret")?)]);
        curl.args(arguments).arg(format!("{}/pinning/", field("endpoint")?));
        let started = Instant::now();
        let answer = process::output(&mut curl)?;
        let time = started.elapsed();
        let answer: Value = serde_json::from_str(&answer)?;
        ensure!(answer["data"]["status"] == "pinned", "not pinned: {answer}");
        Ok(Upload { time, peak: memory::peak_of(group.id())?, _home: home })
    }

    fn copy_and_hash(&self, file: &Path) -> Result<Duration> {
        let copies = TempDir::new_in(self.directory)?;
        rustix::fs::sync();
        let started = Instant::now();
        process::output(Command::new("cp").args([file, copies.path()]))?;
        rustix::fs::sync();
        process::output(Command::new("sha256sum").arg(file))?;
        Ok(started.elapsed())
    }

    fn durable_writes(&self) -> Result<u64> {
        let mut file = File::create(self.directory.join("durable"))?;
        let started = Instant::now();
        let mut writes = 0;
        while started.elapsed() < Duration::from_secs(1) {
            file.write_all(&[0; 4096])?;
            file.sync_data()?;
            writes += 1;
        }
        Ok(writes)
    }
}

/// A request's body: a directory of files that do not repeat.
fn write_form(form: &Path, seed: &str, directory: &Path) -> Result<()> {
    let noise = directory.join("noise");
    samples::write_noise(&noise, seed, (FILES * FILE_BYTES) as u64)?;
    let noise = fs::read(noise)?;
    let mut body = Vec::with_capacity(2 * noise.len());
    for (number, file) in noise.chunks(FILE_BYTES).enumerate() {
        write!(
            body,
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"many/{number:05}.bin\"\r\n\r\n"
        )?;
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n");
    }
    write!(body, "--{BOUNDARY}--\r\n")?;
    fs::write(form, body)?;
    Ok(())
}

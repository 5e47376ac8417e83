//! Uploads, `holdfast add` against `curl`: the same content to the same kind of service, in turns.

use std::fs;
use std::io::{BufWriter, Write, stdout};
use std::path::Path;

use anyhow::Result;

use super::limits::{self, Verdict};
use super::sending::Sending;
use super::{MIB, Runs, ratio};
use crate::memory::Bytes;
use crate::samples;

const ROUNDS: usize = 6;
const FOLDER_ROUNDS: usize = 3;
const FILES: usize = 35_000;
const FOLDER_MB: usize = 750;
const BOUNDARY: &str = "holdfast-bench";

/// Measures and prints. `HOLDFAST_BENCH_MIB` makes the large file smaller than 1024 MiB.
///
/// # Errors
///
/// When an upload fails or is not verified.
pub fn measure(verdict: &mut Verdict) -> Result<()> {
    let mib = std::env::var("HOLDFAST_BENCH_MIB").map_or(Ok(1024), |text| text.parse::<u64>())?;
    let sending = Sending::start()?;
    one_file(&sending, mib, verdict)?;
    a_folder(&sending, verdict)
}

fn one_file(sending: &Sending, mib: u64, verdict: &mut Verdict) -> Result<()> {
    let (file, mut out) = (sending.path("bench.bin"), stdout());
    writeln!(out, "upload of {mib} MiB into an empty `holdfast serve`, the same file by each in turn")?;
    let (mut ours, mut curls, mut serve) = (Runs::default(), Vec::new(), Bytes::default());
    samples::write_noise(&file, "upload", mib * MIB)?;
    let form = format!("file=@{}", file.display());
    for round in 1..=ROUNDS {
        // Whoever comes second finds the file in memory, and the disk warm.
        let (added, curl) = match round % 2 {
            0 => (sending.add(&[&file])?, sending.curl(&["-F", &form])?),
            _ => {
                let curl = sending.curl(&["-F", &form])?;
                (sending.add(&[&file])?, curl)
            }
        };
        writeln!(out, "  round {round}: holdfast add {:.2?}, curl {curl:.2?}", added.run.time)?;
        ours.add(&added.run);
        serve = serve.max(added.serve);
        curls.push(curl);
    }
    let (median, curl) = (ours.median()?, super::median(curls)?);
    writeln!(out, "  median:  holdfast add {median:.2?}, curl {curl:.2?}")?;
    verdict.ratio(limits::ADD_TIME, ratio(median, curl))?;
    verdict.memory(limits::ADD_MEMORY, &format!("{mib} MiB"), ours.peak)?;
    verdict.memory(limits::SERVE_MEMORY, &format!("{mib} MiB"), serve)
}

fn a_folder(sending: &Sending, verdict: &mut Verdict) -> Result<()> {
    let (folder, form, mut out) = (sending.path("folder"), sending.path("form"), stdout());
    samples::write_folder(&folder, FILES, FOLDER_MB * 1_000_000)?;
    write_form(&folder, &form)?;
    writeln!(
        out,
        "upload of a folder of {FILES} files, {FOLDER_MB} MB, against `curl`, which has the form in one file already"
    )?;
    let (mut ours, mut curls, mut serve) = (Runs::default(), Vec::new(), Bytes::default());
    let content_type = format!("content-type: multipart/form-data; boundary={BOUNDARY}");
    for round in 1..=FOLDER_ROUNDS {
        let added = sending.add(&[&folder])?;
        let curl = sending.curl_with(&["-X", "POST", "-H", &content_type, "-T", "-"], fs::File::open(&form)?.into())?;
        writeln!(out, "  round {round}: holdfast add {:.2?}, curl {curl:.2?}", added.run.time)?;
        ours.add(&added.run);
        serve = serve.max(added.serve);
        curls.push(curl);
    }
    let (median, curl) = (ours.median()?, super::median(curls)?);
    writeln!(out, "  median:  holdfast add {median:.2?}, curl {curl:.2?}, ratio {:.2}", ratio(median, curl))?;
    verdict.memory(limits::ADD_MEMORY, &format!("{FILES} files"), ours.peak)?;
    verdict.memory(limits::SERVE_MEMORY, &format!("{FILES} files"), serve)
}

/// What a client would send of a folder of files in folders.
fn write_form(folder: &Path, form: &Path) -> Result<()> {
    let mut body = BufWriter::new(fs::File::create(form)?);
    for below in fs::read_dir(folder)? {
        for file in fs::read_dir(below?.path())? {
            let file = file?.path();
            let name = file.strip_prefix(folder)?.display();
            write!(
                body,
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"folder/{name}\"\r\n\r\n"
            )?;
            body.write_all(&fs::read(&file)?)?;
            body.write_all(b"\r\n")?;
        }
    }
    write!(body, "--{BOUNDARY}--\r\n")?;
    Ok(body.flush()?)
}

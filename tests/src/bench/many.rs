//! Many small files, each a pin of its own: against `curl`, which sends as many at once, and in a watched folder, where files of
//! one length may not be slower than others, nor the last ones than the first.

use std::fs;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::limits::{self, Verdict};
use super::sending::Sending;
use super::{median, ratio};

const FILES: usize = 10_000;
const FILE_BYTES: usize = 1_000;
const ROUNDS: usize = 3;

/// Of one account, as many as Holdfast sends at once when nobody says otherwise.
const AT_ONCE: usize = 3;

/// Measures and prints.
///
/// # Errors
///
/// When something is not pinned.
pub fn measure(verdict: &mut Verdict) -> Result<()> {
    let sending = Sending::start()?;
    let equal = write_files(&sending, "equal", |_| FILE_BYTES)?;
    let mut out = stdout();
    writeln!(
        out,
        "{FILES} files of {FILE_BYTES} B, each a pin of its own, {AT_ONCE} at once, into an empty `holdfast serve`"
    )?;
    let (mut ours, mut curls) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let added = sending.add(&equal.iter().collect::<Vec<_>>())?.run.time;
        let curl = sending.curl_each(&equal, AT_ONCE)?;
        writeln!(out, "  round {round}: holdfast add {added:.2?}, curl {curl:.2?}")?;
        ours.push(added);
        curls.push(curl);
    }
    verdict.ratio(limits::EACH_TIME, ratio(median(ours)?, median(curls)?))?;

    let different = write_files(&sending, "different", |number| FILE_BYTES / 2 + number % FILE_BYTES)?;
    let mut watch = |files: &[PathBuf], what: &str| -> Result<[Duration; 3]> {
        let folder = files.first().and_then(|file| file.parent()).unwrap_or("/".as_ref()).to_owned();
        let [first, last, all] = sending.watch(&folder, FILES)?;
        let rate = |files: usize, time: Duration| files as f64 / time.as_secs_f64();
        writeln!(
            out,
            "  a watched folder of {FILES} files of {what}: {:.0} a second, {:.0} at first and {:.0} at last",
            rate(FILES, all),
            rate(FILES / 10, first),
            rate(FILES / 10, last)
        )?;
        Ok([first, last, all])
    };
    let [_, _, apart] = watch(&different, "different lengths")?;
    let [first, last, alike] = watch(&equal, "one length")?;
    verdict.ratio(limits::ALIKE_TIME, ratio(alike, apart))?;
    verdict.ratio(limits::LAST_TIME, ratio(last, first))
}

fn write_files(sending: &Sending, name: &str, bytes: impl Fn(usize) -> usize) -> Result<Vec<PathBuf>> {
    let folder = sending.path(name);
    fs::create_dir(&folder)?;
    let write = |number: usize| {
        let file = folder.join(format!("{number:05}"));
        let text = format!("{name} {number} ");
        fs::write(&file, &text.as_bytes().repeat(bytes(number).div_ceil(text.len()))[..bytes(number)])?;
        Ok(file)
    };
    (0..FILES).map(write).collect()
}

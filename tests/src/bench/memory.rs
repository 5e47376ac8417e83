//! What uploads take of the memory, at a service that takes bytes as fast as it can and keeps none, and at `holdfast serve`;
//! and that nothing is sent twice. None of it depends on the machine's speed.

use std::fs;
use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::MIB;
use super::limits::{self, Limit, Verdict};
use super::sending::Sending;
use crate::memory::Bytes;
use crate::samples;

const FILES: usize = 35_000;

/// How much is sent.
struct Sizes {
    noise_mib: u64,
    zeros_mib: u64,
    each_of_four_mib: u64,
    folder_mb: usize,
    folder_limit: Limit<Bytes>,
    /// Files in each of four folders.
    files_of_four: usize,
}

/// Measures and prints.
///
/// # Errors
///
/// When an upload fails.
pub fn measure(verdict: &mut Verdict) -> Result<()> {
    let sizes = Sizes {
        noise_mib: 1536,
        zeros_mib: 4096,
        each_of_four_mib: 1024,
        folder_mb: 750,
        folder_limit: limits::ADD_MEMORY,
        files_of_four: FILES,
    };
    measure_with(&sizes, verdict)
}

/// The same in two minutes, with programs that need not be optimized.
///
/// # Errors
///
/// When an upload fails.
pub fn measure_short(verdict: &mut Verdict) -> Result<()> {
    let sizes = Sizes {
        noise_mib: 256,
        zeros_mib: 1024,
        each_of_four_mib: 256,
        folder_mb: 150,
        folder_limit: limits::UNOPTIMIZED_ADD_MEMORY,
        files_of_four: FILES / 4,
    };
    measure_with(&sizes, verdict)
}

fn measure_with(sizes: &Sizes, verdict: &mut Verdict) -> Result<()> {
    let sending = Sending::start()?;
    writeln!(stdout(), "memory of uploads, and what is sent: to a service that drops it, and to `holdfast serve`")?;
    let noise = sending.path("noise");
    samples::write_noise(&noise, "memory", sizes.noise_mib * MIB)?;
    let zeros = sending.sparse("zeros", sizes.zeros_mib * MIB)?;
    for (path, mib, kind) in [(&noise, sizes.noise_mib, "noise"), (&zeros, sizes.zeros_mib, "zeros")] {
        let of = format!("{mib} MiB of {kind}");
        verdict.memory(limits::CID_MEMORY, &of, sending.cid(path)?.peak)?;
        let (dropped, sink) = sending.add_to_sink(&[path])?;
        verdict.memory(limits::ADD_MEMORY, &format!("{of}, dropped"), dropped.peak)?;
        verdict.count(&format!("uploads for {of}"), sink.uploads(), 1)?;
        let frames = sink.read().checked_sub(mib * MIB).context("less than the file was sent")?;
        verdict.memory(limits::FRAMES, &of, Bytes(frames))?;
        let added = sending.add(&[path])?;
        verdict.memory(limits::ADD_MEMORY, &format!("{of}, to `holdfast serve`"), added.run.peak)?;
        verdict.memory(limits::SERVE_MEMORY, &of, added.serve)?;
    }
    // No two of a size: uploads of one size wait for one another.
    let size = |number| sizes.each_of_four_mib * MIB + number;
    let four = (0..4).map(|number| sending.sparse(&format!("zeros{number}"), size(number)));
    let four = four.collect::<Result<Vec<PathBuf>>>()?;
    let (dropped, sink) = sending.add_to_sink(&four.iter().collect::<Vec<_>>())?;
    let of = format!("four of {} MiB, dropped", sizes.each_of_four_mib);
    verdict.memory(limits::ADD_MANY_MEMORY, &of, dropped.peak)?;
    verdict.count("uploads for four files", sink.uploads(), 4)?;

    let folder = sending.path("folder");
    samples::write_folder(&folder, FILES, sizes.folder_mb * 1_000_000)?;
    let of = format!("{FILES} files, {} MB", sizes.folder_mb);
    let (dropped, sink) = sending.add_to_sink(&[&folder])?;
    verdict.memory(sizes.folder_limit, &format!("{of}, dropped"), dropped.peak)?;
    verdict.count("uploads for a folder", sink.uploads(), 1)?;
    let added = sending.add(&[&folder])?;
    verdict.memory(sizes.folder_limit, &format!("{of}, to `holdfast serve`"), added.run.peak)?;
    verdict.memory(limits::SERVE_MEMORY, &of, added.serve)?;
    let alone = sending.add_to_this_computer(&[&folder])?;
    verdict.memory(limits::ADD_HERE_MEMORY, &of, alone.peak)?;
    fs::remove_dir_all(folder)?;

    let four = (0..4).map(|number| {
        let folder = sending.path(&format!("folder{number}"));
        samples::write_folder(&folder, sizes.files_of_four, sizes.files_of_four * (1000 + number)).map(|()| folder)
    });
    let four = four.collect::<Result<Vec<PathBuf>>>()?;
    let of = format!("four folders of {} files", sizes.files_of_four);
    let (dropped, sink) = sending.add_to_sink(&four.iter().collect::<Vec<_>>())?;
    verdict.memory(limits::ADD_MANY_MEMORY, &format!("{of}, dropped"), dropped.peak)?;
    verdict.count("uploads for four folders", sink.uploads(), 4)?;
    let added = sending.add(&four.iter().collect::<Vec<_>>())?;
    verdict.memory(limits::ADD_MANY_MEMORY, &format!("{of}, to `holdfast serve`"), added.run.peak)?;
    verdict.memory(limits::SERVE_MANY_MEMORY, &of, added.serve)
}

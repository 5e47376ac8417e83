//! What uploads take of the memory: the same for any number of bytes, whoever is faster than whom. Memory is measured, and
//! no time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use holdfast_tests::holdfast::Programs;
use holdfast_tests::memory::{self, Bytes, Run};
use holdfast_tests::process::{self, Group};
use holdfast_tests::samples;
use holdfast_tests::sink::Sink;
use holdfast_tests::wait::{self, PATIENCE};
use serde_json::Value;
use tempfile::TempDir;

const GIB: u64 = 1024 * 1024 * 1024;
const LABEL: &str = "Sink";

/// Of one upload.
const ONE: Bytes = Bytes::mib(64);

/// Of one that is sent again after its connection broke: what the first try leaves with the allocator comes on top.
const ONE_SENT_AGAIN: Bytes = Bytes::mib(72);

/// Of as many uploads as there are at one time.
const MANY: Bytes = Bytes::mib(128);

/// Of a folder of tens of thousands of files: what one file takes, and their names.
const OF_A_FOLDER: Bytes = Bytes::mib(72);

/// Of 200,000 entries, whose names are kept until the end.
const OF_MANY_ENTRIES: Bytes = Bytes::mib(96);

/// Of an upload and the service that takes it, in one process.
const WITH_THE_SERVICE: Bytes = Bytes::mib(96);

/// A home with an account at a node that keeps nothing.
struct Scene {
    program: PathBuf,
    directory: TempDir,
    sink: Sink,
}

impl Scene {
    fn start() -> Result<Self> {
        let scene = Self { program: Programs::find()?.command, directory: tempfile::tempdir()?, sink: Sink::start()? };
        let add = ["account", "add", "--kind", "kubo", "--label", LABEL, "--endpoint", &scene.sink.endpoint()];
        process::output(scene.command().args(add))?;
        Ok(scene)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file of zeros that takes no room on the disk.
    fn sparse(&self, name: &str, bytes: u64) -> Result<PathBuf> {
        let path = self.path(name);
        File::create(&path)?.set_len(bytes)?;
        Ok(path)
    }

    /// The program as on a bare server: there is no keyring.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("HOLDFAST_HOME", self.path("home")).env_remove("DBUS_SESSION_BUS_ADDRESS");
        command
    }

    /// Has the node answer with the right CID.
    fn expect(&self, path: &Path) -> Result<Run> {
        let name = path.file_name().and_then(|name| name.to_str()).context("a name")?;
        let run = memory::run(self.command().args(["cid", "--json"]).arg(path))?.done()?;
        self.sink.answer(name, serde_json::from_str::<Value>(&run.output)?["cid"].as_str().context("a CID")?);
        Ok(run)
    }

    fn add(&self, paths: &[PathBuf]) -> Command {
        let mut command = self.command();
        command.args(["add", "--json", "--account", LABEL]).args(paths);
        command
    }
}

fn verified(run: &Run) -> Result<usize> {
    let rows = serde_json::Deserializer::from_str(&run.output).into_iter::<Value>().collect::<Result<Vec<_>, _>>()?;
    Ok(rows.iter().filter(|row| row["verified"] == true).count())
}

#[test]
fn a_large_file_takes_no_more_memory_than_a_small_one_when_the_service_is_faster_than_the_hashing() -> Result<()> {
    let scene = Scene::start()?;
    let file = scene.sparse("file", 2 * GIB)?;
    let read = scene.expect(&file)?;
    assert!(read.peak < ONE, "`holdfast cid` took {}", read.peak);
    let added = memory::run(&mut scene.add(&[file]))?.done()?;
    assert_eq!(verified(&added)?, 1, "{}", added.output);
    assert_eq!(scene.sink.uploads(), 1);
    assert!(scene.sink.read() > 2 * GIB && scene.sink.read() < 2 * GIB + 1024, "{} bytes", scene.sink.read());
    assert!(added.peak < ONE, "`holdfast add` took {}", added.peak);
    Ok(())
}

#[test]
fn a_service_that_reads_no_further_leaves_the_rest_of_the_file_on_the_disk() -> Result<()> {
    let scene = Scene::start()?;
    let file = scene.sparse("file", 2 * GIB)?;
    scene.expect(&file)?;
    scene.sink.stop_after(64 * 1024 * 1024);
    let mut adding = Group::spawn(scene.add(&[file]).stdin(Stdio::null()).stdout(Stdio::null()))?;
    wait::until("an upload that is stuck", PATIENCE, || Ok((scene.sink.stuck() == 1).then_some(())))?;
    wait::until("the program to have nothing to do", PATIENCE, || process::is_idle(adding.id()))?;
    let peak = memory::peak_of(adding.id())?;
    assert!(peak < ONE, "`holdfast add` took {peak}");
    scene.sink.open_up();
    let mut peak = peak;
    let status = wait::until("its next try", PATIENCE, || {
        peak = peak.max(memory::peak_of(adding.id()).unwrap_or_default());
        adding.ended()
    })?;
    assert!(status.success() && scene.sink.uploads() == 2, "{status}, {} uploads", scene.sink.uploads());
    assert!(peak < ONE_SENT_AGAIN, "`holdfast add` took {peak}");
    Ok(())
}

#[test]
fn a_folder_of_many_files_takes_little_more_memory_than_one_file() -> Result<()> {
    let scene = Scene::start()?;
    let folder = scene.path("folder");
    samples::write_folder(&folder, 35_000, 35_000 * 3000)?;
    let read = scene.expect(&folder)?;
    assert!(read.peak < OF_A_FOLDER, "`holdfast cid` took {}", read.peak);
    let added = memory::run(&mut scene.add(std::slice::from_ref(&folder)))?.done()?;
    assert_eq!((verified(&added)?, scene.sink.uploads()), (1, 1), "{}", added.output);
    assert!(added.peak < OF_A_FOLDER, "`holdfast add` took {}", added.peak);
    let here =
        memory::run(scene.command().args(["add", "--json", "--account", "This computer"]).arg(folder))?.done()?;
    assert_eq!(verified(&here)?, 1, "{}", here.output);
    assert!(here.peak < WITH_THE_SERVICE, "`holdfast add` took {} to this computer", here.peak);
    holdfast_tests::say(&format!("cid {}, add {}, with the service {}", read.peak, added.peak, here.peak));
    Ok(())
}

#[test]
fn two_hundred_thousand_empty_files_are_one_upload_of_little_memory() -> Result<()> {
    const FILES: usize = 200_000;
    let scene = Scene::start()?;
    let folder = scene.path("folder");
    for number in 0..FILES {
        if number % 10_000 == 0 {
            fs::create_dir_all(folder.join(format!("{:02}", number / 10_000)))?;
        }
        File::create(folder.join(format!("{:02}/{number:06}", number / 10_000)))?;
    }
    let read = scene.expect(&folder)?;
    let added = memory::run(&mut scene.add(&[folder]))?.done()?;
    assert_eq!((verified(&added)?, scene.sink.uploads()), (1, 1), "{}", added.output);
    holdfast_tests::say(&format!("{FILES} empty files: cid {}, add {}", read.peak, added.peak));
    assert!(read.peak < OF_MANY_ENTRIES, "`holdfast cid` took {}", read.peak);
    assert!(added.peak < OF_MANY_ENTRIES, "`holdfast add` took {}", added.peak);
    Ok(())
}

#[test]
fn ten_uploads_at_once_take_little_more_than_one() -> Result<()> {
    let scene = Scene::start()?;
    // No two of a size: uploads of one size wait for one another.
    let files =
        (0..10).map(|number| scene.sparse(&format!("file{number}"), GIB / 4 + number)).collect::<Result<Vec<_>>>()?;
    for file in &files {
        scene.expect(file)?;
    }
    let added = memory::run(&mut scene.add(&files))?.done()?;
    assert_eq!((verified(&added)?, scene.sink.uploads()), (10, 10), "{}", added.output);
    assert!(added.peak < MANY, "`holdfast add` took {}", added.peak);
    Ok(())
}

//! `holdfast car verify|export`: offline, no home needed. `holdfast car import`: checks, then sends.

use std::{fs::File, path::Path};

use holdfast_content::{Cid, CidInText, Export, ExportError, WalkLimits, Walked, car::CarIndex, export_size, verify};
use holdfast_core::content::ArchiveBody;
use holdfast_private::Umask;
use serde::Serialize;

use crate::{
    Failure,
    args::{CarCommand, NewPinArgs},
    caller::Caller,
    interrupt::{Interrupt, Reading, until_interrupted},
    output::bytes,
    session::Session,
};

#[derive(Serialize)]
struct Verified {
    path: String,
    root: String,
    complete: bool,
    blocks: usize,
    bytes: u64,
    missing: Vec<String>,
    corrupt: Vec<String>,
    unknown: Vec<String>,
    refused: Vec<String>,
}

#[derive(Serialize)]
struct Exported {
    root: String,
    target: String,
    files: u64,
    directories: u64,
    symlinks: u64,
    bytes: u64,
    /// Names that are others on the disk.
    renamed: Vec<Renamed>,
    renamed_in_all: u64,
    modes_restored: u64,
    special_modes_dropped: u64,
    times_restored: u64,
}

#[derive(Serialize)]
struct Renamed {
    name: String,
    on_disk: String,
}

/// New names that are listed; there may be as many as files.
const MAX_LISTED: usize = 1000;

/// What an archive's files may have together unless another number is said: far more than any that was made of files has, and
/// less than one that was made to fill a disk.
const fn usual_max_bytes(archive_bytes: u64) -> u64 {
    const AT_LEAST: u64 = 1_000_000_000;
    let times = archive_bytes.saturating_mul(16);
    if times > AT_LEAST { times } else { AT_LEAST }
}

#[derive(Serialize)]
struct Imported {
    path: String,
    account: String,
    id: String,
    root: String,
    blocks: usize,
    bytes: u64,
    verified: bool,
}

pub(crate) async fn run(command: CarCommand, umask: Umask, caller: &Caller) -> Result<(), Failure> {
    match command {
        CarCommand::Import { pin, archive } => import_archive(&archive, pin, caller).await,
        CarCommand::Verify { archive } => verify_archive(&archive, caller),
        CarCommand::Export { max_bytes, root, archive, target } => {
            let target = std::path::absolute(target)?;
            let own = caller.clone();
            let export = move |interrupt| {
                export_archive(&archive, root.as_deref(), &target, (max_bytes, umask), &interrupt, &own)
            };
            until_interrupted(caller, export).await
        }
    }
}

fn verify_archive(path: &Path, caller: &Caller) -> Result<(), Failure> {
    let archive = open(path)?;
    let shown = path.display().to_string();
    if archive.roots().is_empty() {
        return Err(Failure::Plain(format!("{shown} names no root.")));
    }
    let mut complete = true;
    for root in archive.roots() {
        let walked = verify(&archive, root, WalkLimits::default())?;
        complete &= walked.is_complete();
        let texts = |cids: &[Cid]| cids.iter().map(Cid::to_string).collect::<Vec<_>>();
        let verified = Verified {
            path: shown.clone(),
            root: root.to_string(),
            complete: walked.is_complete(),
            blocks: walked.blocks,
            bytes: walked.bytes,
            missing: texts(&walked.missing),
            corrupt: texts(&walked.corrupt),
            unknown: texts(&walked.unknown),
            refused: walked.refused.iter().map(ToString::to_string).collect(),
        };
        caller.result(&verified, || {
            let word = match (verified.complete, verified.refused.is_empty()) {
                (true, _) => "complete",
                (false, true) => "not complete",
                (false, false) => "cannot be read",
            };
            format!("{}  {word}  {} blocks, {}", verified.root, verified.blocks, bytes(verified.bytes))
        })?;
        complain_of(&walked, caller);
    }
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// Says all that is wrong with a DAG.
pub(super) fn complain_of(walked: &Walked, caller: &Caller) {
    for cid in &walked.missing {
        caller.complain(&format!("the block {cid} is missing"), None);
    }
    for cid in &walked.corrupt {
        caller.complain(&format!("the block {cid} is damaged"), None);
    }
    for cid in &walked.unknown {
        caller.complain(
            &format!("what the block {cid} links to cannot be told: its format or hash is not known here"),
            None,
        );
    }
    for refused in &walked.refused {
        caller.complain(&refused.to_string(), None);
    }
}

async fn import_archive(path: &Path, pin: NewPinArgs, caller: &Caller) -> Result<(), Failure> {
    if pin.account.len() > 1 {
        return Err(Failure::Plain("An archive is sent to one account at a time.".into()));
    }
    let (typed, real, own) = (path.to_owned(), caller.absolute(path)?, caller.clone());
    let checking = tokio::task::spawn_blocking(move || check_for_import(&typed, &real, &own));
    let (body, walked) = checking.await.map_err(std::io::Error::other)??;
    let root = body.root().to_string();
    let session = Session::with_service(caller).await?;
    let account = session.account(pin.account.first().map(String::as_str)).await?;
    let metadata = pin.metadata();
    let sent = session.engine.import_car(&account.id, pin.name.as_deref(), &metadata, body).await;
    let ended = session.end().await;
    let held = sent?;
    let imported = Imported {
        path: path.display().to_string(),
        account: account.label,
        id: held.id.0,
        root,
        blocks: walked.blocks,
        bytes: walked.bytes,
        verified: true,
    };
    caller.result(&imported, || {
        format!("{}  {} blocks, {}  {}  verified", imported.root, imported.blocks, bytes(imported.bytes), imported.path)
    })?;
    ended
}

/// Checks every block, and that the only root is complete; what is sent are the bytes of the same open file.
fn check_for_import(path: &Path, real: &Path, caller: &Caller) -> Result<(ArchiveBody, Walked), Failure> {
    let failed = |why: String| Failure::Plain(format!("{}: {why}", path.display()));
    let file = File::open(real).map_err(|error| failed(error.to_string()))?;
    let again = file.try_clone().map_err(|error| failed(error.to_string()))?;
    let archive = CarIndex::open(file).map_err(|error| failed(error.to_string()))?;
    let root = match archive.roots() {
        [root] => *root,
        roots => return Err(failed(format!("it names {} roots, and only archives of one are sent", roots.len()))),
    };
    let walked = verify(&archive, &root, WalkLimits::default())?;
    complain_of(&walked, caller);
    if !walked.is_complete() {
        return Err(failed("what is below its root is not complete or cannot be read, so nothing was sent".into()));
    }
    drop(archive);
    Ok((ArchiveBody::new(again, root)?, walked))
}

fn export_archive(
    path: &Path,
    root: Option<&str>,
    target: &Path,
    (max_bytes, umask): (Option<u64>, Umask),
    interrupt: &Interrupt,
    caller: &Caller,
) -> Result<(), Failure> {
    let archive = &open(path)?;
    let root = match (root, archive.roots()) {
        (Some(text), _) => text.parse::<CidInText>().map_err(|error| Failure::Plain(format!("{error}.")))?.cid,
        (None, [root]) => *root,
        (None, roots) => {
            return Err(Failure::Plain(format!("The archive names {} roots; say which with --root.", roots.len())));
        }
    };
    let archive = &Reading(archive, interrupt);
    let failed = |error: ExportError| Failure::Plain(error.to_string());
    let size = export_size(archive, &root).map_err(failed)?;
    let archive_bytes = std::fs::metadata(path)?.len();
    let max_bytes = max_bytes.unwrap_or_else(|| usual_max_bytes(archive_bytes));
    if size.bytes > max_bytes {
        return Err(Failure::Plain(format!(
            "{} has {} and would become {}, which is more than {}. Nothing was written; if that is right, say --max-bytes {}.",
            path.display(),
            bytes(archive_bytes),
            bytes(size.bytes),
            bytes(max_bytes),
            size.bytes
        )));
    }
    let needed = size.bytes.saturating_add((size.files + size.directories + size.symlinks).saturating_mul(ENTRY_BYTES));
    if let Some(free) = free_bytes(target)?
        && free < needed
    {
        return Err(Failure::Plain(format!(
            "{} would take {} and the disk has {} free. Nothing was written.",
            target.display(),
            bytes(needed),
            bytes(free)
        )));
    }
    let mut renamed = Vec::new();
    let export = Export { max_bytes, umask: !umask.allows(0o777) };
    let written = export.write(archive, &root, target, &mut |name, on_disk| {
        if renamed.len() < MAX_LISTED {
            renamed.push(Renamed { name: name.into(), on_disk: on_disk.into() });
        }
    });
    let written = written.map_err(failed)?;
    let exported = Exported {
        root: root.to_string(),
        target: target.display().to_string(),
        files: written.files,
        directories: written.directories,
        symlinks: written.symlinks,
        bytes: written.bytes,
        renamed,
        renamed_in_all: written.renamed,
        modes_restored: written.modes,
        special_modes_dropped: written.special_modes_dropped,
        times_restored: written.times,
    };
    caller.result(&exported, || format!("{}  {} files, {}", exported.target, exported.files, bytes(exported.bytes)))?;
    for Renamed { name, on_disk } in &exported.renamed {
        caller.note(&format!("holdfast: {name} could deceive and is called {on_disk} on the disk"));
    }
    if let more @ 1.. = exported.renamed_in_all - exported.renamed.len() as u64 {
        caller.note(&format!("holdfast: and so are {more} more"));
    }
    if exported.special_modes_dropped > 0 {
        caller.note(&format!(
            "holdfast: {} files or folders were to be setuid, setgid or sticky, and are not",
            exported.special_modes_dropped
        ));
    }
    Ok(())
}

/// What an empty file takes on the usual file systems.
const ENTRY_BYTES: u64 = 4096;

/// Free room where `target` will be, as far as its user may fill it.
fn free_bytes(target: &Path) -> Result<Option<u64>, Failure> {
    #[cfg(unix)]
    {
        let dir = target.parent().unwrap_or(target);
        let stat = rustix::fs::statvfs(dir).map_err(|error| Failure::Plain(format!("{}: {error}", dir.display())))?;
        Ok(Some(stat.f_bavail.saturating_mul(stat.f_frsize)))
    }
    #[cfg(not(unix))]
    {
        let _ = target;
        Ok(None)
    }
}

fn open(path: &Path) -> Result<CarIndex, Failure> {
    let failed = |why: String| Failure::Plain(format!("{}: {why}", path.display()));
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    CarIndex::open(file).map_err(|error| failed(error.to_string()))
}

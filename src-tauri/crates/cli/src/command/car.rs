//! `holdfast car verify|export`: offline, no home needed. `holdfast car import`: checks, then sends.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use holdfast_content::{Cid, CidInText, WalkLimits, Walked, car::CarIndex, export, verify};
use holdfast_core::content::ArchiveBody;
use holdfast_private::Umask;
use serde::Serialize;

use crate::{
    Failure,
    args::{CarCommand, NewPinArgs},
    output::{Output, bytes, complain},
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

pub(crate) async fn run(command: CarCommand, home: Option<PathBuf>, _umask: Umask, out: Output) -> Result<(), Failure> {
    match command {
        CarCommand::Import { pin, archive } => import_archive(&archive, pin, home, out).await,
        CarCommand::Verify { archive } => verify_archive(&archive, out),
        CarCommand::Export { root, archive, target } => export_archive(&archive, root.as_deref(), &target, out),
    }
}

fn verify_archive(path: &Path, out: Output) -> Result<(), Failure> {
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
        out.result(&verified, || {
            let word = match (verified.complete, verified.refused.is_empty()) {
                (true, _) => "complete",
                (false, true) => "not complete",
                (false, false) => "cannot be read",
            };
            format!("{}  {word}  {} blocks, {}", verified.root, verified.blocks, bytes(verified.bytes))
        })?;
        complain_of(&walked);
    }
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// Says all that is wrong with a DAG.
pub(super) fn complain_of(walked: &Walked) {
    for cid in &walked.missing {
        complain(&format!("the block {cid} is missing"), None);
    }
    for cid in &walked.corrupt {
        complain(&format!("the block {cid} is damaged"), None);
    }
    for cid in &walked.unknown {
        complain(&format!("what the block {cid} links to cannot be told: its format or hash is not known here"), None);
    }
    for refused in &walked.refused {
        complain(&refused.to_string(), None);
    }
}

async fn import_archive(path: &Path, pin: NewPinArgs, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let checked = path.to_owned();
    let checking = tokio::task::spawn_blocking(move || check_for_import(&checked));
    let (body, walked) = checking.await.map_err(std::io::Error::other)??;
    let root = body.root().to_string();
    let session = Session::with_service(home).await?;
    let account = session.account(pin.account.as_deref()).await?;
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
    out.result(&imported, || {
        format!("{}  {} blocks, {}  {}  verified", imported.root, imported.blocks, bytes(imported.bytes), imported.path)
    })?;
    ended
}

/// Checks every block, and that the only root is complete; what is sent are the bytes of the same open file.
fn check_for_import(path: &Path) -> Result<(ArchiveBody, Walked), Failure> {
    let failed = |why: String| Failure::Plain(format!("{}: {why}", path.display()));
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let again = file.try_clone().map_err(|error| failed(error.to_string()))?;
    let archive = CarIndex::open(file).map_err(|error| failed(error.to_string()))?;
    let root = match archive.roots() {
        [root] => *root,
        roots => return Err(failed(format!("it names {} roots, and only archives of one are sent", roots.len()))),
    };
    let walked = verify(&archive, &root, WalkLimits::default())?;
    complain_of(&walked);
    if !walked.is_complete() {
        return Err(failed("what is below its root is not complete or cannot be read, so nothing was sent".into()));
    }
    drop(archive);
    Ok((ArchiveBody::new(again, root)?, walked))
}

fn export_archive(path: &Path, root: Option<&str>, target: &Path, out: Output) -> Result<(), Failure> {
    let archive = open(path)?;
    let root = match (root, archive.roots()) {
        (Some(text), _) => text.parse::<CidInText>().map_err(|error| Failure::Plain(format!("{error}.")))?.cid,
        (None, [root]) => *root,
        (None, roots) => {
            return Err(Failure::Plain(format!("The archive names {} roots; say which with --root.", roots.len())));
        }
    };
    let written = export(&archive, &root, target).map_err(|error| Failure::Plain(error.to_string()))?;
    let exported = Exported {
        root: root.to_string(),
        target: target.display().to_string(),
        files: written.files,
        directories: written.directories,
        symlinks: written.symlinks,
        bytes: written.bytes,
    };
    out.result(&exported, || format!("{}  {} files, {}", exported.target, exported.files, bytes(exported.bytes)))?;
    Ok(())
}

fn open(path: &Path) -> Result<CarIndex, Failure> {
    let failed = |why: String| Failure::Plain(format!("{}: {why}", path.display()));
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    CarIndex::open(file).map_err(|error| failed(error.to_string()))
}

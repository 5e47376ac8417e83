//! `holdfast folder add|ls|rm|run`

use holdfast_core::{
    Background,
    folder::{FolderState, FolderView},
};
use serde::Serialize;

use crate::{Failure, args::FolderCommand, caller::Caller, output::Lines, session::Session};

/// Entries that `run` explains at its end.
const MAX_EXPLAINED: u32 = 100;

#[derive(Serialize)]
struct Row {
    id: String,
    path: String,
    account: String,
    settle_seconds: f64,
    state: FolderState,
    message: Option<String>,
    on_disk: u64,
    pinned: u64,
    waiting: u64,
    skipped: u64,
    failed: u64,
}

pub(crate) async fn run(command: FolderCommand, caller: &Caller) -> Result<(), Failure> {
    match command {
        FolderCommand::Add { account, settle, path } => {
            let session = Session::with_service(caller).await?;
            let account = session.account(account.as_deref()).await?;
            let typed = caller.absolute(path)?;
            let view = session.engine.add_folder(typed.clone(), &account.id, Some(settle)).await?;
            if view.folder.path != typed {
                let [typed, real] = [&typed, &view.folder.path].map(|path| path.display().to_string());
                caller.note(&format!(
                    "holdfast: {typed} leads to {real}, and that is what is watched, wherever a link on the way leads later"
                ));
            }
            print(&session, &view, caller).await?;
            session.end().await
        }
        FolderCommand::Ls => {
            let session = Session::open(caller).await?;
            let mut rows = Vec::new();
            for view in session.engine.folders().await? {
                rows.push(row(&session, &view).await?);
            }
            caller.result(&rows, || rows.iter().map(line).collect::<Lines>())?;
            session.end().await
        }
        FolderCommand::Rm { folder } => {
            let session = Session::open(caller).await?;
            let path = caller.absolute(&folder)?;
            let real = path.canonicalize().unwrap_or(path);
            let mut folders = session.engine.folders().await?.into_iter().map(|view| view.folder);
            let found = folders.find(|one| one.id.0 == folder || one.path == real);
            let found = found.ok_or_else(|| Failure::Plain(format!("{folder:?} is not a watched folder.")))?;
            session.engine.remove_folder(&found.id).await?;
            let path = found.path.display().to_string();
            caller.result(&serde_json::json!({ "id": found.id.0, "path": path, "removed": true }), || {
                format!("{path} is watched no more. Nothing was unpinned.")
            })?;
            session.end().await
        }
        FolderCommand::Run { once } => watch(once, caller).await,
    }
}

async fn watch(once: bool, caller: &Caller) -> Result<(), Failure> {
    let session = Session::start(caller, Background::Everything).await?;
    if session.engine.folders().await?.is_empty() {
        return Err(Failure::Plain("There is no watched folder; add one with `holdfast folder add`.".into()));
    }
    if !once {
        caller.note("Watching; interrupt to end.");
    }
    tokio::select! {
        ended = caller.ended() => ended?,
        idle = until_idle(&session), if once => idle?,
    }
    let mut failed = 0;
    for view in session.engine.folders().await? {
        print(&session, &view, caller).await?;
        failed += view.failed + if once { view.held } else { 0 };
        for entry in session.engine.folder_entries(&view.folder.id, MAX_EXPLAINED).await? {
            if let Some(reason) = entry.reason {
                caller.note(&format!("holdfast: {}: {reason}", entry.path.display()));
            }
        }
        if view.state == FolderState::Missing {
            caller.complain(view.message.as_deref().unwrap_or("a watched folder is not there"), None);
            failed += 1;
        }
    }
    session.end().await?;
    if failed == 0 { Ok(()) } else { Err(Failure::Partial) }
}

/// Until every folder was looked at whole and nothing in it waits.
async fn until_idle(session: &Session) -> Result<(), Failure> {
    let mut changes = session.engine.changes();
    loop {
        let folders = session.engine.folders().await?;
        // What a program keeps open may stay so for ever.
        let is_idle = |view: &FolderView| view.state != FolderState::Scanning && view.waiting == view.held;
        if folders.iter().all(is_idle) {
            return Ok(());
        }
        // Having missed some is a reason to look again.
        drop(changes.recv().await);
    }
}

async fn print(session: &Session, view: &FolderView, caller: &Caller) -> Result<(), Failure> {
    let row = row(session, view).await?;
    Ok(caller.result(&row, || line(&row))?)
}

async fn row(session: &Session, view: &FolderView) -> Result<Row, Failure> {
    Ok(Row {
        id: view.folder.id.0.clone(),
        path: view.folder.path.display().to_string(),
        account: session.label(&view.folder.account).await?,
        settle_seconds: view.folder.settle.as_secs_f64(),
        state: view.state,
        message: view.message.clone(),
        on_disk: view.on_disk,
        pinned: view.pinned,
        waiting: view.waiting,
        skipped: view.skipped,
        failed: view.failed,
    })
}

fn line(row: &Row) -> String {
    format!(
        "{}  {} on disk = {} pinned + {} waiting + {} skipped + {} failed  {}",
        row.path, row.on_disk, row.pinned, row.waiting, row.skipped, row.failed, row.account
    )
}

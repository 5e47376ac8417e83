//! `holdfast transfers|pause|resume|retry|cancel`: the queue.

use std::path::PathBuf;

use holdfast_core::{
    Background, Code,
    clock::UnixMillis,
    transfer::{Transfer, TransferId, TransferState},
};
use serde::Serialize;

use super::add::explain;
use crate::{
    Failure,
    output::{Lines, Output, bytes, complain},
    progress,
    session::Session,
};

#[derive(Serialize)]
struct Row {
    id: String,
    account: String,
    work: &'static str,
    name: String,
    cid: Option<String>,
    state: &'static str,
    until: Option<UnixMillis>,
    bytes: u64,
    attempts: u32,
    code: Option<Code>,
    reason: Option<String>,
}

/// Lists transfers, those that have not ended first.
pub(crate) async fn list(limit: u32, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::open(home).await?;
    let (transfers, _) = session.engine.transfers(limit).await?;
    let mut rows = Vec::with_capacity(transfers.len());
    for transfer in transfers {
        rows.push(row(&session, transfer).await?);
    }
    out.result(&rows, || rows.iter().map(line).collect::<Lines>())?;
    say_what_is_paused(&session).await?;
    session.end().await
}

/// Works on what has not ended, and says how each of it ends.
pub(crate) async fn watch(limit: u32, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::start(home, Background::TransfersOnly).await?;
    let (transfers, _) = session.engine.transfers(limit).await?;
    let open = transfers.into_iter().filter(|transfer| !transfer.state.is_final()).map(|transfer| transfer.id);
    // The oldest first, as they are worked on.
    let open: Vec<_> = open.collect();
    let complete = until_all_ended(&session, open.into_iter().rev(), out).await?;
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// Whether all ended well.
async fn until_all_ended(
    session: &Session,
    ids: impl Iterator<Item = TransferId>,
    out: Output,
) -> Result<bool, Failure> {
    let mut complete = true;
    for id in ids {
        let name = session.engine.transfer(&id).await?.shown_name();
        let ended = progress::until_ended(&session.engine, &name, &id).await?;
        if !matches!(ended.state, TransferState::Done | TransferState::Asked) {
            explain(&name, &ended);
            complete = false;
        }
        let row = row(session, ended).await?;
        out.result(&row, || line(&row))?;
    }
    Ok(complete)
}

/// Stops all work, or that of one account.
pub(crate) async fn pause(account: Option<String>, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    set_paused(account, true, home, out).await
}

/// Lets it go on.
pub(crate) async fn resume(account: Option<String>, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    set_paused(account, false, home, out).await
}

async fn set_paused(account: Option<String>, paused: bool, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::open(home).await?;
    let account = match &account {
        Some(name) => Some(session.engine.account_named(name).await?),
        None => None,
    };
    let id = account.as_ref().map(|account| &account.id);
    if paused {
        session.engine.pause(id).await?;
    } else {
        session.engine.resume(id).await?;
    }
    let label = account.map(|account| account.label);
    out.result(&serde_json::json!({ "account": label, "paused": paused }), || {
        let what = label.as_ref().map_or_else(|| "Everything".into(), |label| format!("The work of {label:?}"));
        if paused {
            format!("{what} is paused.")
        } else {
            format!("{what} goes on, from the next command or window on.")
        }
    })?;
    session.end().await
}

/// Tries transfers again and waits for them to end.
pub(crate) async fn retry(ids: Vec<String>, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::with_service(home).await?;
    let mut complete = true;
    let mut tried = Vec::new();
    for id in ids.into_iter().map(TransferId) {
        match session.engine.retry(&id).await {
            Ok(()) => tried.push(id),
            Err(error) => {
                complain(&format!("{id}: {error}"), error.details().as_deref());
                complete = false;
            }
        }
    }
    session.engine.start(Background::TransfersOnly).await?;
    complete &= until_all_ended(&session, tried.into_iter(), out).await?;
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// Stops transfers.
pub(crate) async fn cancel(all: bool, ids: Vec<String>, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::open(home).await?;
    let mut complete = true;
    if all {
        let cancelled = session.engine.cancel_all(None).await?;
        out.result(&serde_json::json!({ "cancelled": cancelled }), || format!("{cancelled} transfers cancelled"))?;
    }
    for id in ids.into_iter().map(TransferId) {
        match session.engine.cancel(&id).await {
            Ok(()) => {
                out.result(&serde_json::json!({ "id": id.0, "cancelled": true }), || format!("{id} cancelled"))?
            }
            Err(error) => {
                complain(&format!("{id}: {error}"), error.details().as_deref());
                complete = false;
            }
        }
    }
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// Says what waits because a person wanted it to.
async fn say_what_is_paused(session: &Session) -> Result<(), Failure> {
    let (everything, accounts) = session.engine.paused().await?;
    if everything {
        complain("everything is paused; `holdfast resume` lets it go on", None);
    }
    for account in accounts {
        let label = session.label(&account).await?;
        complain(
            &format!("the work of {label:?} is paused; `holdfast resume --account {label:?}` lets it go on"),
            None,
        );
    }
    Ok(())
}

async fn row(session: &Session, transfer: Transfer) -> Result<Row, Failure> {
    Ok(Row {
        account: session.label(&transfer.account).await?,
        work: transfer.work.as_str(),
        name: transfer.shown_name(),
        cid: transfer.cid.map(|cid| cid.to_string()),
        state: transfer.state.as_str(),
        until: transfer.state.until(),
        bytes: transfer.bytes,
        attempts: transfer.attempts,
        code: transfer.state.failure().map(|failure| failure.code),
        reason: transfer.state.failure().map(|failure| failure.message.clone()),
        id: transfer.id.0,
    })
}

fn line(row: &Row) -> String {
    let reason = row.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{}  {} {}  {}  {}  {}{reason}", row.id, row.work, row.name, bytes(row.bytes), row.account, row.state)
}

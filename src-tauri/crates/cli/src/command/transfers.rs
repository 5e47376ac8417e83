//! `holdfast transfers`: what is in the queue.

use holdfast_core::{
    Background, Code,
    clock::UnixMillis,
    transfer::{BatchId, Transfer, TransferId, TransferState},
};
use serde::Serialize;

use super::add::explain;
use crate::{
    Failure,
    caller::Caller,
    output::{Lines, bytes},
    progress,
    session::Session,
};

#[derive(Serialize)]
struct Row {
    id: String,
    batch: Option<BatchId>,
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
pub(crate) async fn list(limit: u32, caller: &Caller) -> Result<(), Failure> {
    let session = Session::open(caller).await?;
    let (transfers, _) = session.engine.transfers(limit).await?;
    let mut rows = Vec::with_capacity(transfers.len());
    for transfer in transfers {
        rows.push(row(&session, transfer).await?);
    }
    caller.result(&rows, || rows.iter().map(line).collect::<Lines>())?;
    say_what_is_paused(&session, caller).await?;
    session.end().await
}

/// Works on what has not ended, and says how each of it ends.
pub(crate) async fn watch(limit: u32, caller: &Caller) -> Result<(), Failure> {
    let session = Session::start(caller, Background::TransfersOnly).await?;
    let (transfers, _) = session.engine.transfers(limit).await?;
    let goes_on = |transfer: &Transfer| !transfer.state.is_final() && transfer.state != TransferState::Paused;
    let open = transfers.into_iter().filter(goes_on).map(|transfer| transfer.id);
    // The oldest first, as they are worked on.
    let open: Vec<_> = open.collect();
    let complete = until_all_ended(&session, open.into_iter().rev(), caller).await?;
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// Whether all ended well.
pub(super) async fn until_all_ended(
    session: &Session,
    ids: impl Iterator<Item = TransferId>,
    caller: &Caller,
) -> Result<bool, Failure> {
    let mut complete = true;
    for id in ids {
        let name = session.engine.transfer(&id).await?.shown_name();
        let ended = progress::until_ended(&session.engine, &name, &id, caller).await?;
        if !matches!(ended.state, TransferState::Done | TransferState::Asked) {
            explain(&name, &ended, caller);
            complete = false;
        }
        let row = row(session, ended).await?;
        caller.result(&row, || line(&row))?;
    }
    Ok(complete)
}

/// Says what waits because a person wanted it to.
async fn say_what_is_paused(session: &Session, caller: &Caller) -> Result<(), Failure> {
    let (everything, accounts) = session.engine.paused().await?;
    if everything {
        caller.complain("everything is paused; `holdfast resume` lets it go on", None);
    }
    for account in accounts {
        let label = session.label(&account).await?;
        caller.complain(
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
        batch: transfer.batch,
        id: transfer.id.0,
    })
}

fn line(row: &Row) -> String {
    let reason = row.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{}  {} {}  {}  {}  {}{reason}", row.id, row.work, row.name, bytes(row.bytes), row.account, row.state)
}

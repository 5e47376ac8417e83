//! `holdfast batches`: the queue as it was asked for.

use holdfast_core::{
    Code,
    clock::UnixMillis,
    transfer::{Batch, BatchId},
};
use serde::Serialize;

use crate::{
    Failure,
    caller::Caller,
    output::{Lines, bytes},
    session::Session,
};

#[derive(Serialize)]
struct Row {
    id: BatchId,
    name: String,
    origin: &'static str,
    accounts: Vec<String>,
    at: UnixMillis,
    items: u64,
    counts: Counts,
    bytes: u64,
    bytes_done: u64,
    next_try: Option<UnixMillis>,
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct Counts {
    queued: u64,
    running: u64,
    waiting: u64,
    undoable: u64,
    paused: u64,
    asked: u64,
    failed: u64,
    done: u64,
    cancelled: u64,
}

#[derive(Serialize)]
struct Reason {
    account: String,
    state: &'static str,
    code: Code,
    reason: String,
    transfers: u64,
}

/// Lists batches: those that run first, then those that need a person, then the queue, then those that are over.
pub(crate) async fn list(limit: u32, caller: &Caller) -> Result<(), Failure> {
    let session = Session::open(caller).await?;
    let (_, batches) = session.engine.batches(0, limit).await?;
    let mut rows = Vec::with_capacity(batches.len());
    for batch in batches {
        rows.push(row(&session, batch).await?);
    }
    caller.result(&rows, || rows.iter().flat_map(lines).collect::<Lines>())?;
    session.end().await
}

async fn row(session: &Session, batch: Batch) -> Result<Row, Failure> {
    let mut accounts = Vec::new();
    for account in &batch.accounts {
        accounts.push(session.label(account).await?);
    }
    let mut reasons = Vec::new();
    for trouble in &batch.troubles {
        reasons.push(Reason {
            account: session.label(&trouble.account).await?,
            state: if trouble.has_failed { "failed" } else { "waiting" },
            code: trouble.failure.code,
            reason: trouble.failure.message.clone(),
            transfers: trouble.transfers,
        });
    }
    let counts = batch.counts;
    Ok(Row {
        id: batch.id,
        name: batch.label(),
        origin: batch.origin.as_str(),
        accounts,
        at: batch.created_at,
        items: batch.items,
        counts: Counts {
            queued: counts.queued,
            running: counts.running,
            waiting: counts.waiting,
            undoable: counts.undoable,
            paused: counts.paused,
            asked: counts.asked,
            failed: counts.failed,
            done: counts.done,
            cancelled: counts.cancelled,
        },
        bytes: batch.bytes,
        bytes_done: batch.bytes_done,
        next_try: batch.next_try,
        reasons,
    })
}

fn lines(row: &Row) -> Vec<String> {
    let Counts { queued, running, waiting, undoable, paused, asked, failed, done, cancelled } = row.counts;
    let counts = [
        (running, "running"),
        (failed, "failed"),
        (queued + waiting, "waiting"),
        (undoable, "can be undone"),
        (paused, "paused"),
        (asked, "being pinned"),
        (done, "done"),
        (cancelled, "cancelled"),
    ];
    let counts: Vec<_> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let (name, accounts) = (&row.name, row.accounts.join(", "));
    let first = format!(
        "{}  {name}  {} of {}  {accounts}  {}",
        row.id,
        bytes(row.bytes_done),
        bytes(row.bytes),
        counts.join(", ")
    );
    let reasons = row
        .reasons
        .iter()
        .map(|reason| format!("    {} {} at {}: {}", reason.transfers, reason.state, reason.account, reason.reason));
    std::iter::once(first).chain(reasons).collect()
}

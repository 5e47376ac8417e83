//! `holdfast ls`

use std::{collections::HashMap, path::PathBuf};

use holdfast_core::pin::{Metadata, Pin, PinQuery, PinSort};
use serde::Serialize;

use crate::{
    Failure,
    args::{ListArgs, Sort},
    output::{Lines, Output, bytes, complain},
    session::Session,
};

const PAGE_ROWS: u32 = 1_000;

/// One pin, as `ls` and `show` print it.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) account: String,
    pub(super) id: String,
    pub(super) cid: String,
    pub(super) name: String,
    pub(super) size: Option<u64>,
    pub(super) status: &'static str,
    pub(super) pinned_at: Option<String>,
    pub(super) metadata: Metadata,
}

impl Row {
    pub(super) fn of(pin: Pin, label: String) -> Self {
        Self {
            account: label,
            name: pin.name(),
            id: pin.held.id.0,
            cid: pin.held.cid.to_string(),
            size: pin.held.bytes,
            status: pin.held.status.as_str(),
            pinned_at: pin.held.pinned_at.map(|at| at.to_rfc3339()),
            metadata: pin.held.metadata,
        }
    }
}

pub(crate) async fn run(args: ListArgs, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::with_service(home).await?;
    let account = match &args.account {
        Some(name) => Some(session.engine.account_named(name).await?.id),
        None => None,
    };
    // What is known is worth more than nothing, but it is no complete answer.
    let refreshed = session.engine.refresh(account.as_ref()).await;
    if let Err(error) = &refreshed {
        complain(&format!("the list may be out of date: {error}"), error.details().as_deref());
    }
    let accounts = session.engine.accounts().await?.into_iter();
    let labels: HashMap<_, _> = accounts.map(|view| (view.account.id, view.account.label)).collect();
    let mut query = PinQuery {
        limit: PAGE_ROWS,
        sort: match args.sort {
            Sort::Name => PinSort::Name,
            Sort::Size => PinSort::Size,
            Sort::Status => PinSort::Status,
            Sort::PinnedAt => PinSort::PinnedAt,
        },
        descending: !args.ascending,
        search: args.search,
        account,
        ..PinQuery::default()
    };
    let mut rows = Vec::new();
    loop {
        let page = session.engine.pins(query.clone()).await?;
        let is_last = page.rows.len() < PAGE_ROWS as usize;
        query.offset += page.rows.len() as u64;
        let label = |pin: &Pin| labels.get(&pin.account).cloned().unwrap_or_default();
        rows.extend(page.rows.into_iter().map(|pin| Row::of(pin.clone(), label(&pin))));
        if is_last {
            break;
        }
    }
    out.result(&rows, || rows.iter().map(line).collect::<Lines>())?;
    session.end().await?;
    if refreshed.is_ok() { Ok(()) } else { Err(Failure::Partial) }
}

fn line(row: &Row) -> String {
    let size = row.size.map_or_else(|| "?".into(), bytes);
    let pinned_at = row.pinned_at.as_deref().unwrap_or("-");
    format!("{}  {}  {size:>9}  {:<8}  {pinned_at}  {}  {}", row.id, row.cid, row.status, row.account, row.name)
}

//! `holdfast ls`

use std::collections::HashMap;

use holdfast_core::{
    account::AccountView,
    pin::{Metadata, Pin, PinQuery, PinSort, PinStatus},
};
use serde::Serialize;

use crate::{
    Failure,
    args::{ListArgs, Sort},
    caller::Caller,
    output::{Lines, bytes},
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
    /// `unknown` where the account could not be asked.
    pub(super) status: &'static str,
    /// What the account said when it last answered, where it could not be asked, and when that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) told: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) told_at: Option<String>,
    pub(super) pinned_at: Option<String>,
    pub(super) metadata: Metadata,
    /// Texts of it, a name or pairs of metadata, that the service has longer or more of than is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_out: Option<u64>,
}

impl Row {
    pub(super) fn of(pin: Pin, account: Option<&AccountView>) -> Self {
        let told = account.filter(|view| view.is_outdated).map(|view| (pin.held.status, view.last_contact));
        Self {
            account: account.map(|view| view.account.label.clone()).unwrap_or_default(),
            name: pin.name(),
            id: pin.held.id.0,
            cid: pin.held.cid.to_string(),
            size: pin.held.bytes,
            status: if told.is_some() { PinStatus::Unknown } else { pin.held.status }.as_str(),
            told: told.map(|(status, _)| status.as_str()),
            told_at: told.and_then(|(_, at)| at).map(|at| at.to_rfc3339()),
            pinned_at: pin.held.pinned_at.map(|at| at.to_rfc3339()),
            metadata: pin.held.metadata,
            left_out: Some(pin.held.left_out.0).filter(|texts| *texts > 0),
        }
    }

    /// The status, as of when it was told where that is not now.
    pub(super) fn shown_status(&self) -> String {
        match (self.told, &self.told_at) {
            (None, _) => self.status.into(),
            (Some(told), Some(at)) => format!("unknown ({told} at {at})"),
            (Some(told), None) => format!("unknown (last {told})"),
        }
    }
}

pub(crate) async fn run(args: ListArgs, caller: &Caller) -> Result<(), Failure> {
    let session = Session::with_service(caller).await?;
    let account = match &args.account {
        Some(name) => Some(session.engine.account_named(name).await?.id),
        None => None,
    };
    // What is known is worth more than nothing, but it is no complete answer.
    let refreshed = session.engine.refresh(account.as_ref()).await;
    if let Err(error) = &refreshed {
        caller.complain(&format!("the list may be out of date: {error}"), error.details().as_deref());
    }
    let accounts = session.engine.accounts().await?.into_iter();
    let accounts: HashMap<_, _> = accounts.map(|view| (view.account.id.clone(), view)).collect();
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
        rows.extend(page.rows.into_iter().map(|pin| {
            let account = accounts.get(&pin.account);
            Row::of(pin, account)
        }));
        if is_last {
            break;
        }
    }
    caller.result(&rows, || rows.iter().map(line).collect::<Lines>())?;
    session.end().await?;
    if refreshed.is_ok() { Ok(()) } else { Err(Failure::Partial) }
}

fn line(row: &Row) -> String {
    let size = row.size.map_or_else(|| "?".into(), bytes);
    let pinned_at = row.pinned_at.as_deref().unwrap_or("-");
    let status = row.shown_status();
    format!("{}  {}  {size:>9}  {status:<8}  {pinned_at}  {}  {}", row.id, row.cid, row.account, row.name)
}

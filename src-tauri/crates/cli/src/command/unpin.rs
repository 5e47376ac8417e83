//! `holdfast unpin`

use std::{io, pin::pin};

use holdfast_core::{
    AcceptedUnpin, Background, Engine, Error, Grace, TransferCounts, UnpinImpact,
    pin::{Pin, PinQuery, PinSet},
    transfer::{TransferState, UnpinningId},
};

use super::add::explain;
use crate::{Failure, args::UnpinArgs, caller::Caller, progress, session::Session};

pub(crate) async fn run(args: UnpinArgs, caller: &Caller) -> Result<(), Failure> {
    let session = Session::start(caller, Background::TransfersOnly).await?;
    let account = match &args.account {
        Some(name) => Some(session.engine.account_named(name).await?.id),
        None => None,
    };
    if let Err(error) = session.engine.refresh(account.as_ref()).await {
        caller.complain(&format!("not every account answers: {error}"), error.details().as_deref());
    }
    let mut complete = true;
    let mut named: Vec<Pin> = Vec::new();
    for id in &args.ids {
        match session.engine.pin_named(id, account.as_ref()).await {
            Ok(pin) if named.iter().any(|other| other.key() == pin.key()) => {}
            Ok(pin) => named.push(pin),
            Err(error) => {
                caller.complain(&error.to_string(), None);
                complete = false;
            }
        }
    }
    let pins = match args.ids.is_empty() {
        true => {
            let query = PinQuery { account, search: args.matching.unwrap_or_default(), ..PinQuery::default() };
            PinSet::Matching(query.into())
        }
        false => PinSet::Named(named.iter().map(Pin::key).collect()),
    };
    let impact = session.engine.unpin_impact(pins.clone()).await?;
    if args.ids.is_empty() {
        caller.note(&format!("holdfast: {}", which(&impact)));
    }
    warn(&impact, caller);
    if impact.pins > 0 {
        let mut ended = Box::pin(caller.ended());
        // From here on it is heard.
        tokio::select! {
            biased;
            ended = &mut ended => return ended.map_err(Into::into).and(Err(Failure::Undone)),
            () = std::future::ready(()) => {}
        }
        // Only who sees that it waits can undo it.
        let grace = if args.now || !caller.is_seen() { Grace::Waived } else { Grace::Given };
        let accepted = session.engine.unpin(pins, args.confirm.unwrap_or(0), grace).await;
        let accepted = accepted.map_err(|error| match (&error, args.confirm) {
            (Error::CountChanged { pins, .. }, None) => Failure::Plain(format!(
                "this would unpin {pins} pins, which has to be confirmed with `--confirm {pins}`; nothing was unpinned"
            )),
            _ => error.into(),
        })?;
        complete &= until_gone(&session, &accepted, named, ended, caller).await?;
    }
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// Waits for their end, and undoes what has not begun when the user ends this program. Says whether all are gone.
async fn until_gone(
    session: &Session,
    accepted: &AcceptedUnpin,
    named: Vec<Pin>,
    ended: impl Future<Output = io::Result<()>>,
    caller: &Caller,
) -> Result<bool, Failure> {
    let waits = session.engine.unpinnings().await?.into_iter().find(|one| one.id == accepted.unpinning);
    if let Some(waits) = waits {
        let (pins, seconds) = (accepted.pins, waits.begins_in.as_secs_f64().round());
        caller.note(&format!("holdfast: unpinning {} in {seconds} s; Ctrl-C undoes it", number_of(pins)));
    }
    let mut gone = pin!(async {
        match named.is_empty() {
            true => all_gone(session, &accepted.unpinning, caller).await,
            false => each_gone(session, accepted, named, caller).await,
        }
    });
    tokio::select! {
        gone = &mut gone => return gone,
        ended = ended => ended?,
    }
    let undone = session.engine.undo_unpin(&accepted.unpinning).await?;
    caller.result(&serde_json::json!({ "undone": undone.pins, "unpinned": undone.begun }), || {
        let begun =
            if undone.begun > 0 { format!(", {} had begun to be removed", undone.begun) } else { String::new() };
        format!("undone for {}{begun}", number_of(undone.pins))
    })?;
    Err(Failure::Undone)
}

async fn each_gone(
    session: &Session,
    accepted: &AcceptedUnpin,
    pins: Vec<Pin>,
    caller: &Caller,
) -> Result<bool, Failure> {
    let mut complete = true;
    for (pin, transfer) in pins.into_iter().zip(&accepted.transfers) {
        let id = &pin.held.id.0;
        let ended = progress::until_ended(&session.engine, id, transfer, caller).await?;
        if ended.state != TransferState::Done {
            explain(id, &ended, caller);
            complete = false;
            continue;
        }
        let label = session.label(&pin.account).await?;
        let cid = pin.held.cid.to_string();
        let unpinned = serde_json::json!({ "account": label, "id": id, "cid": cid, "unpinned": true });
        caller.result(&unpinned, || format!("unpinned {cid}  {}", pin.name()))?;
    }
    Ok(complete)
}

async fn all_gone(session: &Session, unpinning: &UnpinningId, caller: &Caller) -> Result<bool, Failure> {
    let (everything, accounts) = session.engine.paused().await?;
    if everything || !accounts.is_empty() {
        caller.note("holdfast: accepted, and what is paused waits until `holdfast resume`");
        return Ok(true);
    }
    let counts = until_ended(&session.engine, unpinning, caller).await?;
    let value = serde_json::json!({ "unpinned": counts.done, "failed": counts.failed });
    caller.result(&value, || format!("unpinned {}", number_of(counts.done)))?;
    if counts.failed > 0 {
        caller.complain(
            &format!("{} could not be unpinned; `holdfast transfers` says why", number_of(counts.failed)),
            None,
        );
    }
    Ok(counts.failed == 0)
}

async fn until_ended(engine: &Engine, unpinning: &UnpinningId, caller: &Caller) -> Result<TransferCounts, Failure> {
    let mut changes = engine.changes();
    loop {
        engine.can_work()?;
        let counts = engine.unpinning_counts(unpinning).await?;
        let open = counts.queued + counts.running + counts.waiting;
        if open == 0 {
            return Ok(counts);
        }
        // Having missed changes is a reason to look again.
        let changed = async { drop(changes.recv().await) };
        let line = || format!("{} left", number_of(open));
        progress::shown(line, changed, caller).await;
    }
}

/// How many there are, and where.
fn which(impact: &UnpinImpact) -> String {
    let accounts: Vec<_> = impact.accounts.iter().map(|(label, pins)| format!("{pins} at {label:?}")).collect();
    match accounts.is_empty() {
        true => "nothing matches".into(),
        false => format!("{} match: {}", number_of(impact.pins), accounts.join(", ")),
    }
}

fn number_of(pins: u64) -> String {
    if pins == 1 { "1 pin".into() } else { format!("{pins} pins") }
}

/// Says of which content no copy is left.
fn warn(impact: &UnpinImpact, caller: &Caller) {
    for (name, label) in &impact.last {
        caller.complain(&format!("{name} at {label} is the last copy that is known"), None);
    }
    if impact.last_count > impact.last.len() as u64 {
        caller.complain(&format!("{} last copies in all", impact.last_count), None);
    }
    if impact.perhaps_last_count > 0 {
        let accounts = impact.perhaps_same.join(", ");
        let count = impact.perhaps_last_count;
        caller.complain(&format!("{count} may be last copies: {accounts} may be the same login"), None);
    }
}

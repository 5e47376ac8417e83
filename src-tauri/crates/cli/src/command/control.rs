//! `holdfast pause|resume|retry|cancel|move-up`: what is done with transfers, batches, accounts and everything.

use holdfast_core::{
    Background, Engine, Error,
    transfer::{BatchId, TransferId, TransferSet},
};

use super::transfers::until_all_ended;
use crate::{Failure, args::WhichArgs, caller::Caller, session::Session};

/// Something that a person named, and how they did.
struct Named {
    what: String,
    which: TransferSet,
}

/// Stops work until `resume`: all, that of an account, or what is named.
pub(crate) async fn pause(args: WhichArgs, caller: &Caller) -> Result<(), Failure> {
    set_paused(args, true, caller).await
}

/// Lets it go on.
pub(crate) async fn resume(args: WhichArgs, caller: &Caller) -> Result<(), Failure> {
    set_paused(args, false, caller).await
}

async fn set_paused(args: WhichArgs, paused: bool, caller: &Caller) -> Result<(), Failure> {
    let session = Session::open(caller).await?;
    if args.names_transfers() {
        let word = if paused { "paused" } else { "resumed" };
        let complete = each(&session, &args, word, caller, async |engine, which| {
            Ok(if paused { engine.pause_these(which).await? } else { engine.resume_these(which).await? } as u64)
        });
        let complete = complete.await?;
        session.end().await?;
        return if complete { Ok(()) } else { Err(Failure::Partial) };
    }
    let account = match &args.account {
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
    let then = if session.works().await { "" } else { ", from the next command or window on" };
    caller.result(&serde_json::json!({ "account": label, "paused": paused }), || {
        let what = label.as_ref().map_or_else(|| "Everything".into(), |label| format!("The work of {label:?}"));
        if paused { format!("{what} is paused.") } else { format!("{what} goes on{then}.") }
    })?;
    session.end().await
}

/// Tries transfers again, at their account or another one, and waits for them to end.
pub(crate) async fn retry(args: WhichArgs, all: bool, at: Option<String>, caller: &Caller) -> Result<(), Failure> {
    let session = Session::with_service(caller).await?;
    let (mut complete, mut tried) = (true, Vec::new());
    let other = match &at {
        Some(name) => Some(session.engine.account_named(name).await?.id),
        None => None,
    };
    let named = if all { vec![everything(&session, &args).await?] } else { named(&session, &args).await? };
    for Named { what, which } in named {
        let begun = match (&which, &other) {
            (TransferSet::Batch(id), Some(account)) => session.engine.send_failed_to(*id, account).await,
            (_, Some(_)) => Err(Error::InvalidInput("Only a whole batch can go to another account.".into())),
            (TransferSet::One(id), None) => session.engine.retry(id).await.map(|()| vec![id.clone()]),
            (which, None) => retry_failed(&session.engine, which).await,
        };
        match begun {
            Ok(ids) => tried.extend(ids),
            Err(error) => {
                caller.complain(&format!("{what}: {error}"), error.details().as_deref());
                complete = false;
            }
        }
    }
    session.work(Background::TransfersOnly).await?;
    complete &= until_all_ended(&session, tried.into_iter(), caller).await?;
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// Puts back what has failed, and says what that is.
async fn retry_failed(engine: &Engine, which: &TransferSet) -> Result<Vec<TransferId>, Error> {
    let failed = engine.failed(which).await?;
    engine.retry_these(which).await?;
    Ok(failed)
}

/// Stops transfers.
pub(crate) async fn cancel(args: WhichArgs, all: bool, caller: &Caller) -> Result<(), Failure> {
    let session = Session::open(caller).await?;
    let complete = if all {
        let everything = everything(&session, &args).await?;
        let cancelled = session.engine.cancel_these(&everything.which).await?;
        caller.result(&serde_json::json!({ "cancelled": cancelled }), || format!("{cancelled} transfers cancelled"))?;
        true
    } else {
        each(&session, &args, "cancelled", caller, async |engine, which| match which {
            TransferSet::One(id) => engine.cancel(id).await.map(|()| 1),
            which => engine.cancel_these(which).await,
        })
        .await?
    };
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// Puts what has not begun before all else that goes as fast.
pub(crate) async fn move_up(args: WhichArgs, caller: &Caller) -> Result<(), Failure> {
    let session = Session::open(caller).await?;
    let complete =
        each(&session, &args, "moved_up", caller, async |engine, which| Ok(engine.move_up(which).await? as u64))
            .await?;
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// Does something with everything that is named, and says with how many transfers. Says whether there was something each time.
async fn each(
    session: &Session,
    args: &WhichArgs,
    word: &str,
    caller: &Caller,
    act: impl AsyncFn(&Engine, &TransferSet) -> Result<u64, Error>,
) -> Result<bool, Failure> {
    let mut complete = true;
    for Named { what, which } in named(session, args).await? {
        match act(&session.engine, &which).await {
            Ok(0) => {
                caller.complain(&format!("{what}: there is nothing of it for which that could be done"), None);
                complete = false;
            }
            Ok(count) => caller.result(&serde_json::json!({ "id": what, word: count }), || {
                let word = word.replace('_', " ");
                if matches!(which, TransferSet::One(_)) {
                    format!("{what} {word}")
                } else {
                    format!("{what}: {count} {word}")
                }
            })?,
            Err(error) => {
                caller.complain(&format!("{what}: {error}"), error.details().as_deref());
                complete = false;
            }
        }
    }
    Ok(complete)
}

/// What a person named: batches and transfers by their ids, or all that have a text in their name.
async fn named(session: &Session, args: &WhichArgs) -> Result<Vec<Named>, Failure> {
    let by_id = args.ids.iter().map(|what| {
        let which = match what.parse::<BatchId>() {
            Ok(batch) => TransferSet::Batch(batch),
            Err(_) => TransferSet::One(TransferId(what.clone())),
        };
        Named { what: what.clone(), which }
    });
    let mut named: Vec<_> = by_id.collect();
    if args.matching.is_some() {
        named.push(everything(session, args).await?);
    }
    if named.is_empty() && args.account.is_some() {
        named.push(everything(session, args).await?);
    }
    if named.is_empty() {
        return Err(Failure::Plain("Say which: ids of batches or transfers, --match, or --account.".into()));
    }
    for one in &named {
        match &one.which {
            TransferSet::Batch(id) => drop(session.engine.batch(*id).await?),
            TransferSet::One(id) => drop(session.engine.transfer(id).await?),
            _ => {}
        }
    }
    Ok(named)
}

/// All of the account that is given, or of all accounts, that have the text in their name that is given.
async fn everything(session: &Session, args: &WhichArgs) -> Result<Named, Failure> {
    let account = match &args.account {
        Some(name) => Some(session.engine.account_named(name).await?.id),
        None => None,
    };
    let text = args.matching.clone().unwrap_or_default();
    let what = if text.is_empty() { "everything".into() } else { format!("{text:?}") };
    Ok(Named { what, which: TransferSet::Matching { account, text } })
}

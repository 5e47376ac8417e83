//! `holdfast add`

use holdfast_core::{
    Background,
    account::Account,
    content::Chosen,
    pin::PinKey,
    transfer::{Transfer, TransferId, TransferState},
};
use serde::Serialize;

use crate::{Failure, args::AddArgs, caller::Caller, output::bytes, progress, session::Session, stream};

#[derive(Serialize)]
struct Added<'a> {
    path: String,
    account: &'a str,
    id: String,
    cid: String,
    size: u64,
    verified: bool,
}

pub(crate) async fn run(args: AddArgs, caller: &Caller) -> Result<(), Failure> {
    if let Some(pipe) = args.paths.iter().find(|path| stream::is_stream(path)) {
        return Err(Failure::Plain(format!(
            "{} is a pipe, and what is sent must be there to be read again. Write it to a file and add that; `holdfast cid -` \
             tells its CID without one.",
            pipe.display()
        )));
    }
    let session = Session::start(caller, Background::TransfersOnly).await?;
    let accounts = session.accounts(&args.pin.account).await?;
    let absolute = args.paths.iter().map(|path| caller.absolute(path)).collect::<Result<Vec<_>, _>>()?;
    let selection = session.engine.select(absolute.clone(), &accounts[0].id).await?;
    if let Some(reason) = selection.needs_confirmation.filter(|_| !args.yes) {
        return Err(Failure::Plain(format!("{reason} Nothing was sent; --yes does it all the same.")));
    }
    for problem in &selection.refused {
        caller.complain(&format!("{}: {}", problem.name, problem.reason), None);
    }
    for problem in &selection.skipped {
        caller.note(&format!("holdfast: left out {}: {}", problem.name, problem.reason));
    }
    for remark in &selection.remarks {
        caller.note(&format!("holdfast: {}: {}", remark.name, remark.reason));
    }
    let mut complete = selection.refused.is_empty();
    let metadata = args.pin.metadata();
    let chosen: Vec<_> = selection.items.iter().map(Chosen::from).collect();
    let to: Vec<_> = accounts.iter().map(|account| account.id.clone()).collect();
    let ids = session.engine.upload_to(&to, chosen, args.pin.name, metadata).await?;
    caller.has_accepted(&ids);
    for (item, ids) in selection.items.iter().zip(ids.chunks(accounts.len())) {
        // Said as it was typed.
        let typed = absolute.iter().zip(&args.paths).find(|(absolute, _)| **absolute == item.given);
        let path = typed.map_or(&item.path, |(_, typed)| typed).display().to_string();
        for (account, id) in accounts.iter().zip(ids) {
            complete &= report(&session, account, path.clone(), id, caller).await?;
        }
    }
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

async fn report(
    session: &Session,
    account: &Account,
    path: String,
    id: &TransferId,
    caller: &Caller,
) -> Result<bool, Failure> {
    let ended = progress::until_ended(&session.engine, &path, id, caller).await?;
    let (Some(pin), Some(cid), TransferState::Done) = (&ended.pin, &ended.cid, &ended.state) else {
        explain(&path, &ended, caller);
        return Ok(false);
    };
    let key = PinKey { account: account.id.clone(), id: pin.clone() };
    let size = session.engine.pin_details(&key).await?.pin.held.bytes.unwrap_or(ended.bytes);
    let added = Added {
        path,
        account: &account.label,
        id: pin.0.clone(),
        cid: cid.to_string(),
        size,
        verified: ended.verified == Some(true),
    };
    caller.result(&added, || {
        let verified = if added.verified { "verified" } else { "stored, CID not reproduced" };
        format!("{}  {}  {}  {verified}", added.cid, bytes(size), added.path)
    })?;
    Ok(true)
}

/// Says why a transfer did not end well.
pub(super) fn explain(what: &str, ended: &Transfer, caller: &Caller) {
    match ended.state.failure() {
        None if ended.state == TransferState::Asked => {
            caller.complain(&format!("{what}: the service has not pinned it yet"), None);
        }
        Some(failure) => caller.complain(&format!("{what}: {}", failure.message), failure.details.as_deref()),
        None => caller.complain(&format!("{what}: {}", ended.state.as_str()), None),
    }
    if ended.state == TransferState::Asked || ended.may_go_on_at_service() {
        caller.note(
            "holdfast: this command waits no longer, but the service may go on: `holdfast ls` shows what became of it, and \
             adding it again neither sends nor pins it twice",
        );
    }
}

//! `holdfast pin`

use holdfast_core::{
    Background, Code,
    account::Account,
    gateway::OFFERED_GATEWAY,
    pin::PinKey,
    transfer::{TransferId, TransferState},
};
use serde::Serialize;

use super::add::explain;
use crate::{Failure, args::PinArgs, caller::Caller, progress, session::Session};

#[derive(Serialize)]
struct Pinned<'a> {
    account: &'a str,
    id: String,
    cid: String,
    name: Option<String>,
    status: &'static str,
    message: Option<String>,
}

pub(crate) async fn run(args: PinArgs, caller: &Caller) -> Result<(), Failure> {
    let session = Session::start(caller, Background::TransfersOnly).await?;
    let accounts = session.accounts(&args.pin.account).await?;
    let ids: Vec<_> = accounts.iter().map(|account| account.id.clone()).collect();
    let metadata = args.pin.metadata();
    let mut complete = true;
    for text in &args.cids {
        match session.engine.pin_text_at(&ids, text, args.pin.name.clone(), metadata.clone()).await {
            Ok(accepted) => {
                caller.has_accepted(&accepted);
                for (account, id) in accounts.iter().zip(&accepted) {
                    complete &= report(&session, account, text, id, caller).await?;
                }
            }
            Err(error) => {
                caller.complain(&format!("{text}: {error}"), None);
                if error.code() == Code::NoSource {
                    caller.note(&how_to_fetch());
                }
                complete = false;
            }
        }
    }
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

async fn report(
    session: &Session,
    account: &Account,
    text: &str,
    id: &TransferId,
    caller: &Caller,
) -> Result<bool, Failure> {
    let ended = progress::until_ended(&session.engine, text, id, caller).await?;
    let (Some(pin), TransferState::Done) = (&ended.pin, &ended.state) else {
        explain(text, &ended, caller);
        return Ok(false);
    };
    let details = session.engine.pin_details(&PinKey { account: account.id.clone(), id: pin.clone() }).await?;
    let held = details.pin.held;
    let pinned = Pinned {
        account: &account.label,
        id: held.id.0,
        cid: held.cid.to_string(),
        name: held.name,
        status: held.status.as_str(),
        message: held.message,
    };
    caller.result(&pinned, || format!("{}  {}  {}", pinned.cid, pinned.status, pinned.id))?;
    Ok(true)
}

/// What helps where This computer may fetch from nowhere.
fn how_to_fetch() -> String {
    format!(
        "holdfast: to let it fetch from a gateway, which then learns the CIDs: holdfast account edit \"This computer\" \
         --fetch-from {OFFERED_GATEWAY}; or pin it at another account with --account, or upload it with `holdfast add`"
    )
}

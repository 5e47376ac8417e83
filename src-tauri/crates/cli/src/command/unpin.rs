//! `holdfast unpin`

use std::path::PathBuf;

use holdfast_core::{Background, UnpinImpact, transfer::TransferState};

use super::add::explain;
use crate::{
    Failure,
    args::UnpinArgs,
    output::{Output, complain},
    progress,
    session::Session,
};

pub(crate) async fn run(args: UnpinArgs, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::start(home, Background::TransfersOnly).await?;
    let account = match &args.account {
        Some(name) => Some(session.engine.account_named(name).await?.id),
        None => None,
    };
    if let Err(error) = session.engine.refresh(account.as_ref()).await {
        complain(&format!("not every account answers: {error}"), error.details().as_deref());
    }
    let mut complete = true;
    let mut keys = Vec::new();
    for id in &args.ids {
        // Those that are not there are told below.
        keys.extend(session.engine.pin_named(id, account.as_ref()).await.map(|pin| pin.key()));
    }
    warn(&session.engine.unpin_impact(&keys).await?);
    for id in &args.ids {
        let pin = match session.engine.pin_named(id, account.as_ref()).await {
            Ok(pin) => pin,
            Err(error) => {
                complain(&error.to_string(), None);
                complete = false;
                continue;
            }
        };
        for transfer in session.engine.unpin(&[pin.key()]).await? {
            let ended = progress::until_ended(&session.engine, id, &transfer).await?;
            if ended.state != TransferState::Done {
                explain(id, &ended);
                complete = false;
                continue;
            }
            let label = session.label(&pin.account).await?;
            let cid = pin.held.cid.to_string();
            let unpinned = serde_json::json!({ "account": label, "id": id, "cid": cid, "unpinned": true });
            out.result(&unpinned, || format!("unpinned {cid}  {}", pin.name()))?;
        }
    }
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// Says of which content no copy is left.
fn warn(impact: &UnpinImpact) {
    for (name, label) in &impact.last {
        complain(&format!("{name} at {label} is the last copy that is known"), None);
    }
    if impact.last_count > impact.last.len() as u64 {
        complain(&format!("{} last copies in all", impact.last_count), None);
    }
    if impact.perhaps_last_count > 0 {
        let accounts = impact.perhaps_same.join(", ");
        let count = impact.perhaps_last_count;
        complain(&format!("{count} may be last copies: {accounts} may be the same login"), None);
    }
}

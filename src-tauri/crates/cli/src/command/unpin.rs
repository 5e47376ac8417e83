//! `holdfast unpin`

use std::path::PathBuf;

use holdfast_core::{Background, transfer::TransferState};

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

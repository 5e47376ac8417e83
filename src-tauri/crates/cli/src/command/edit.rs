//! `holdfast edit`

use serde::Serialize;

use crate::{Failure, args::EditArgs, caller::Caller, session::Session};

#[derive(Serialize)]
struct Edited {
    account: String,
    id: String,
    cid: String,
    name: Option<String>,
    metadata: holdfast_core::pin::Metadata,
}

pub(crate) async fn run(args: EditArgs, caller: &Caller) -> Result<(), Failure> {
    let session = Session::with_service(caller).await?;
    let account = match &args.account {
        Some(name) => Some(session.engine.account_named(name).await?.id),
        None => None,
    };
    if let Err(error) = session.engine.refresh(account.as_ref()).await {
        caller.complain(&format!("not every account answers: {error}"), error.details().as_deref());
    }
    let pin = session.engine.pin_named(&args.id, account.as_ref()).await?;
    let mut metadata = pin.held.metadata.clone();
    metadata.retain(|key, _| !args.remove_meta.contains(key));
    metadata.extend(args.meta);
    let name = args.name.or_else(|| pin.held.name.clone());
    let after = session.engine.edit_pin(&pin.key(), name, metadata).await?;
    let label = session.label(&after.account).await?;
    let shown = after.name();
    let edited = Edited {
        account: label,
        id: after.held.id.0,
        cid: after.held.cid.to_string(),
        name: after.held.name,
        metadata: after.held.metadata,
    };
    caller.result(&edited, || format!("{}  {shown}  {}", edited.cid, edited.id))?;
    session.end().await
}

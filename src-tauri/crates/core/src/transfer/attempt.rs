//! One try of a transfer, with the credentials that its account has at the time.

use tokio_util::sync::CancellationToken;

use super::{
    Transfer, Work,
    pin_cid::PinTask,
    relay::Relay,
    unpin,
    upload::{Turn, Upload},
};
use crate::{
    account::{Account, Since},
    content::Progress,
    disk::Place,
    engine::Shared,
    error::Error,
    store::Finish,
};

/// What a try came to, and the turn that is held until that is written.
pub(crate) type Attempted = (Finish, Option<Turn>);

/// Tries it once; more often only where the credentials were replaced meanwhile.
pub(crate) async fn attempt(
    shared: &Shared,
    transfer: &Transfer,
    progress: Progress,
    cancel: &CancellationToken,
) -> Result<Attempted, Error> {
    loop {
        let since = shared.access.moment();
        let result = attempt_with(shared, transfer, progress.clone(), cancel, since).await;
        match result {
            // It was asked with credentials that were replaced meanwhile; with the new ones it may go well.
            Err(error) if error.code().wants_credentials() && shared.access.were_replaced(since) => {}
            result => return result,
        }
    }
}

/// With the credentials that the accounts have now, at `since`, or got after it.
async fn attempt_with(
    shared: &Shared,
    transfer: &Transfer,
    progress: Progress,
    cancel: &CancellationToken,
    since: Since,
) -> Result<Attempted, Error> {
    let account = shared.store.account(&transfer.account).await?;
    let account = account.ok_or_else(|| Error::NoSuch { what: "account", id: transfer.account.0.clone() })?;
    let result = match &transfer.work {
        Work::Upload { place, .. } => {
            let task = UploadTask { transfer, account: &account, place, progress, cancel, since };
            upload(shared, task).await
        }
        Work::Pin { cid } => {
            let task = PinTask { shared, transfer, account: &account, cid, progress, cancel };
            unless_cancelled(cancel, task.run()).await
        }
        Work::Unpin { pin } => {
            let removed = unless_cancelled(cancel, unpin::run(shared, &account, pin)).await;
            removed.map(|finish| (finish, None))
        }
    };
    shared.access.note(&account.id, since, result.as_ref().err());
    result
}

/// Where an upload comes from and goes to.
struct UploadTask<'a> {
    transfer: &'a Transfer,
    account: &'a Account,
    place: &'a Place,
    progress: Progress,
    cancel: &'a CancellationToken,
    since: Since,
}

/// Sends an upload to its account, or by way of the user's node where the service only pins by CID.
async fn upload(shared: &Shared, task: UploadTask<'_>) -> Result<Attempted, Error> {
    let UploadTask { transfer, account, place, progress, cancel, since } = task;
    let takes_files = tokio::select! {
        capabilities = shared.access.capabilities(account) => capabilities?.upload.is_some(),
        () = cancel.cancelled() => return Err(Error::Cancelled),
    };
    if takes_files {
        let upload = Upload { shared, transfer, record: &transfer.id, account, place, progress, cancel };
        upload.run().await.map(|(finish, turn)| (finish, Some(turn)))
    } else {
        let relay = Relay { shared, transfer, target: account, since, place, progress, cancel };
        Ok((relay.run().await?, None))
    }
}

async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        result = work => result,
        () = cancel.cancelled() => Err(Error::Cancelled),
    }
}

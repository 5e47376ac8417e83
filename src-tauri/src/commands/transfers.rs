//! Transfers: asking for work, watching it, stopping it.

use holdfast_core::account::AccountId;
use holdfast_core::transfer::{self, BatchId, TransferId, TransferSet};
use holdfast_core::{Engine, Error};
use tauri::State;

use crate::backend::Backend;
use crate::ipc::batch::{Act, Batch, OpenBatch, OpenRequest, Which};
use crate::ipc::{
    Accepted, IpcError, LookUpRequest, PastedCid, PinCidRequest, PinKey, Queue, QueueRequest, SendFailedRequest,
    StartUploadRequest, SteerRequest, Transfer,
};

/// As many are given at a time, at the most.
const MOST_LISTED: u32 = 500;

#[tauri::command]
pub(crate) async fn start_upload(
    backend: State<'_, Backend>,
    request: StartUploadRequest,
) -> Result<Accepted, IpcError> {
    let id = request.selection;
    let paths = backend.selections.paths(&id);
    let paths = paths.ok_or_else(|| Error::NoSuch { what: "selection", id: id.clone() })?;
    let accounts: Vec<_> = request.accounts.into_iter().map(AccountId).collect();
    let accepted = backend.engine().await?.upload_to(&accounts, paths, request.name, request.metadata).await?;
    backend.selections.forget(&id);
    Ok(accepted.into())
}

/// What a text has to pin, before it is asked for.
#[tauri::command]
pub(crate) async fn look_up_cids(
    backend: State<'_, Backend>,
    request: LookUpRequest,
) -> Result<Vec<PastedCid>, IpcError> {
    let found = backend.engine().await?.look_up(&AccountId(request.account), &request.text).await?;
    Ok(found.into_iter().map(PastedCid::from).collect())
}

#[tauri::command]
pub(crate) async fn pin_cid(backend: State<'_, Backend>, request: PinCidRequest) -> Result<Accepted, IpcError> {
    let engine = backend.engine().await?;
    let accounts: Vec<_> = request.accounts.into_iter().map(AccountId).collect();
    Ok(engine.pin_text_at(&accounts, &request.text, request.name, request.metadata).await?.into())
}

#[tauri::command]
pub(crate) async fn pin_again(backend: State<'_, Backend>, request: PinKey) -> Result<Accepted, IpcError> {
    Ok(vec![backend.engine().await?.pin_again(&request.into()).await?].into())
}

#[tauri::command]
pub(crate) async fn queue(backend: State<'_, Backend>, request: QueueRequest) -> Result<Queue, IpcError> {
    let engine = backend.engine().await?;
    let (total, batches) = engine.batches(request.offset, request.limit.min(MOST_LISTED)).await?;
    let progress = engine.progress();
    let open = match request.open {
        Some(open) => opened(&engine, open, &progress).await?,
        None => None,
    };
    Ok(Queue {
        batches: batches.into_iter().map(|batch| Batch::new(batch, &progress)).collect(),
        total,
        counts: engine.transfer_counts().await?.into(),
        totals: engine.queue_totals().await?.into(),
        held_up: engine.held_up().await?.into(),
        open,
    })
}

async fn opened(
    engine: &Engine,
    request: OpenRequest,
    progress: &[transfer::TransferProgress],
) -> Result<Option<OpenBatch>, Error> {
    let id = batch_id(&request.batch)?;
    let batch = match engine.batch(id).await {
        Ok(batch) => batch,
        Err(Error::NoSuch { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let transfers = engine.transfers_of_batch(id, request.offset, request.limit.min(MOST_LISTED)).await?;
    let transfers = transfers.into_iter().map(|transfer| Transfer::new(transfer, progress)).collect();
    Ok(Some(OpenBatch { batch: Batch::new(batch, progress), transfers }))
}

/// Does something with one transfer, a batch, or everything.
#[tauri::command]
pub(crate) async fn steer(backend: State<'_, Backend>, request: SteerRequest) -> Result<(), IpcError> {
    let engine = backend.engine().await?;
    let which = match request.which {
        Which::One { id } => TransferSet::One(TransferId(id)),
        Which::Batch { id } => TransferSet::Batch(batch_id(&id)?),
        Which::Everything => TransferSet::all_of(None),
    };
    match (request.act, &which) {
        (Act::Cancel, TransferSet::One(id)) => engine.cancel(id).await?,
        (Act::Retry, TransferSet::One(id)) => engine.retry(id).await?,
        (Act::Pause, which) => drop(engine.pause_these(which).await?),
        (Act::Resume, which) => drop(engine.resume_these(which).await?),
        (Act::Cancel, which) => drop(engine.cancel_these(which).await?),
        (Act::Retry, which) => drop(engine.retry_these(which).await?),
        (Act::MoveUp, which) => drop(engine.move_up(which).await?),
        (Act::Clear, which) => engine.clear_these(which).await?,
    }
    Ok(())
}

/// Sends to another account what has failed of a batch.
#[tauri::command]
pub(crate) async fn send_failed_to(
    backend: State<'_, Backend>,
    request: SendFailedRequest,
) -> Result<Accepted, IpcError> {
    let (batch, account) = (batch_id(&request.batch)?, AccountId(request.account));
    Ok(backend.engine().await?.send_failed_to(batch, &account).await?.into())
}

#[tauri::command]
pub(crate) async fn clear_finished_transfers(backend: State<'_, Backend>) -> Result<(), IpcError> {
    Ok(backend.engine().await?.clear_finished().await?)
}

#[tauri::command]
pub(crate) async fn clear_failed_transfers(backend: State<'_, Backend>) -> Result<(), IpcError> {
    Ok(backend.engine().await?.clear_failed().await?)
}

#[tauri::command]
pub(crate) async fn try_account_now(backend: State<'_, Backend>, request: String) -> Result<(), IpcError> {
    backend.engine().await?.try_now(&AccountId(request));
    Ok(())
}

/// Of one account, or of all.
#[tauri::command]
pub(crate) async fn pause_transfers(backend: State<'_, Backend>, request: Option<String>) -> Result<(), IpcError> {
    Ok(backend.engine().await?.pause(request.map(AccountId).as_ref()).await?)
}

/// Of one account, or of all that is not paused by itself.
#[tauri::command]
pub(crate) async fn resume_transfers(backend: State<'_, Backend>, request: Option<String>) -> Result<(), IpcError> {
    Ok(backend.engine().await?.resume(request.map(AccountId).as_ref()).await?)
}

fn batch_id(text: &str) -> Result<BatchId, Error> {
    text.parse().map_err(|_| Error::NoSuch { what: "batch", id: text.into() })
}

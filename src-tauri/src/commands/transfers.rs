//! Transfers: asking for work, watching it, stopping it.

use holdfast_core::Error;
use holdfast_core::account::AccountId;
use holdfast_core::pin::Metadata;
use holdfast_core::transfer::TransferId;
use tauri::State;

use crate::backend::Backend;
use crate::ipc::{
    Accepted, IpcError, LookUpRequest, PastedCid, PinCidRequest, PinKey, StartUploadRequest, Transfer, TransferList,
};

/// More are counted, not listed.
const MOST_LISTED: u32 = 500;

#[tauri::command]
pub(crate) async fn start_upload(
    backend: State<'_, Backend>,
    request: StartUploadRequest,
) -> Result<Accepted, IpcError> {
    let id = request.selection;
    let paths = backend.selections.paths(&id);
    let paths = paths.ok_or_else(|| Error::NoSuch { what: "selection", id: id.clone() })?;
    let account = AccountId(request.account);
    let accepted = backend.engine().await?.upload(&account, paths, request.name, request.metadata).await?;
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
    let account = AccountId(request.account);
    let transfer = engine.pin_text(&account, &request.text, request.name, Metadata::new()).await?;
    Ok(vec![transfer].into())
}

#[tauri::command]
pub(crate) async fn pin_again(backend: State<'_, Backend>, request: PinKey) -> Result<Accepted, IpcError> {
    Ok(vec![backend.engine().await?.pin_again(&request.into()).await?].into())
}

#[tauri::command]
pub(crate) async fn transfers(backend: State<'_, Backend>) -> Result<TransferList, IpcError> {
    let engine = backend.engine().await?;
    let (transfers, counts) = engine.transfers(MOST_LISTED).await?;
    let progress = engine.progress();
    let transfers = transfers.into_iter().map(|transfer| Transfer::new(transfer, &progress)).collect();
    let held_up = engine.held_up().await?.into();
    Ok(TransferList { transfers, counts: counts.into(), held_up })
}

#[tauri::command]
pub(crate) async fn cancel_transfer(backend: State<'_, Backend>, request: String) -> Result<(), IpcError> {
    Ok(backend.engine().await?.cancel(&TransferId(request)).await?)
}

#[tauri::command]
pub(crate) async fn retry_transfer(backend: State<'_, Backend>, request: String) -> Result<(), IpcError> {
    Ok(backend.engine().await?.retry(&TransferId(request)).await?)
}

#[tauri::command]
pub(crate) async fn retry_failed_transfers(backend: State<'_, Backend>) -> Result<(), IpcError> {
    backend.engine().await?.retry_failed(None).await?;
    Ok(())
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

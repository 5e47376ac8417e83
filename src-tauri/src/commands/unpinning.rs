//! Removing pins: what goes, what is left, and undoing it before it begins.

use holdfast_core::Grace;
use holdfast_core::transfer::UnpinningId;
use tauri::State;

use crate::backend::Backend;
use crate::ipc::{IpcError, PinSet, Undone, UnpinImpact, UnpinRequest, Unpinning};

#[tauri::command]
pub(crate) async fn unpin(backend: State<'_, Backend>, request: UnpinRequest) -> Result<(), IpcError> {
    let engine = backend.engine().await?;
    engine.unpin(request.pins.into(), request.confirmed, Grace::Given).await?;
    Ok(())
}

/// What is left when these pins go.
#[tauri::command]
pub(crate) async fn unpin_impact(backend: State<'_, Backend>, request: PinSet) -> Result<UnpinImpact, IpcError> {
    Ok(backend.engine().await?.unpin_impact(request.into()).await?.into())
}

#[tauri::command]
pub(crate) async fn unpinnings(backend: State<'_, Backend>) -> Result<Vec<Unpinning>, IpcError> {
    Ok(backend.engine().await?.unpinnings().await?.into_iter().map(Into::into).collect())
}

#[tauri::command]
pub(crate) async fn undo_unpin(backend: State<'_, Backend>, request: String) -> Result<Undone, IpcError> {
    Ok(backend.engine().await?.undo_unpin(&UnpinningId(request)).await?.into())
}

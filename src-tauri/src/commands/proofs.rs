//! Comparing pins with files on this computer. Paths are chosen in the system's dialogs, never in the web view.

use tauri::{Runtime, State, WebviewWindow};

use crate::backend::Backend;
use crate::dialogs;
use crate::ipc::proof::CompareWith;
use crate::ipc::{Comparison, ComparisonProgress, IpcError, PinKey, VerifyPinRequest};

/// `None` when the person changed their mind in the dialog.
#[tauri::command]
pub(crate) async fn verify_pin<R: Runtime>(
    window: WebviewWindow<R>,
    backend: State<'_, Backend>,
    request: VerifyPinRequest,
) -> Result<Option<Comparison>, IpcError> {
    let path = match request.with {
        CompareWith::Source => None,
        CompareWith::File => match dialogs::file(&window, "Compare with a file").await? {
            Some(path) => Some(path),
            None => return Ok(None),
        },
        CompareWith::Folder => match dialogs::folder(&window, "Compare with a folder").await? {
            Some(path) => Some(path),
            None => return Ok(None),
        },
    };
    Ok(Some(backend.engine().await?.prove(&request.pin.into(), path, None).await?.into()))
}

/// How far the comparison of a pin is; `None` when it is not being compared.
#[tauri::command]
pub(crate) async fn verify_progress(
    backend: State<'_, Backend>,
    request: PinKey,
) -> Result<Option<ComparisonProgress>, IpcError> {
    Ok(backend.engine().await?.proof_progress(&request.into()).map(Into::into))
}

#[tauri::command]
pub(crate) async fn stop_verifying(backend: State<'_, Backend>, request: PinKey) -> Result<(), IpcError> {
    backend.engine().await?.stop_proof(&request.into());
    Ok(())
}

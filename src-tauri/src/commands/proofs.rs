//! Asking accounts for their copies, and comparing pins with files on this computer. Paths are chosen in the system's dialogs,
//! never in the web view.

use std::sync::{Mutex, PoisonError};

use holdfast_content::Extent;
use holdfast_core::proof::USUAL_EXTENT;
use holdfast_core::{CheckRun, Error};
use tauri::{Runtime, State, WebviewWindow};

use crate::backend::Backend;
use crate::dialogs;
use crate::ipc::proof::CompareWith;
use crate::ipc::{
    CheckCopiesRequest, CheckProgress, ComparePinRequest, Comparison, ComparisonProgress, CopiesChecked, IpcError,
    PinKey,
};

/// Asks the accounts of these pins for their copies. What was found before it was stopped is an answer.
#[tauri::command]
pub(crate) async fn check_copies(
    backend: State<'_, Backend>,
    request: CheckCopiesRequest,
) -> Result<CopiesChecked, IpcError> {
    let engine = backend.engine().await?;
    let run = CheckRun::of(&engine);
    let _listed = backend.check_runs.list(request.run, run.clone());
    let checked = Mutex::new(CopiesChecked::default());
    let extent = if request.every_block { Extent::Whole } else { USUAL_EXTENT };
    let ended = engine
        .check_copies(request.pins.into(), extent, &run, |pin| {
            checked.lock().unwrap_or_else(PoisonError::into_inner).add(pin)
        })
        .await;
    let mut checked = checked.into_inner().unwrap_or_else(PoisonError::into_inner);
    match ended {
        Err(Error::Cancelled) => checked.stopped = true,
        ended => ended?,
    }
    Ok(checked)
}

/// How far a run of checks is; `None` when it has ended.
#[tauri::command]
pub(crate) async fn check_progress(
    backend: State<'_, Backend>,
    request: u32,
) -> Result<Option<CheckProgress>, IpcError> {
    Ok(backend.check_runs.of(request).map(|run| run.progress().into()))
}

#[tauri::command]
pub(crate) async fn stop_checking(backend: State<'_, Backend>, request: u32) -> Result<(), IpcError> {
    if let Some(run) = backend.check_runs.of(request) {
        run.stop();
    }
    Ok(())
}

/// `None` when the person changed their mind in the dialog.
#[tauri::command]
pub(crate) async fn compare_pin<R: Runtime>(
    window: WebviewWindow<R>,
    backend: State<'_, Backend>,
    request: ComparePinRequest,
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
pub(crate) async fn comparison_progress(
    backend: State<'_, Backend>,
    request: PinKey,
) -> Result<Option<ComparisonProgress>, IpcError> {
    Ok(backend.engine().await?.proof_progress(&request.into()).map(Into::into))
}

#[tauri::command]
pub(crate) async fn stop_comparing(backend: State<'_, Backend>, request: PinKey) -> Result<(), IpcError> {
    backend.engine().await?.stop_proof(&request.into());
    Ok(())
}

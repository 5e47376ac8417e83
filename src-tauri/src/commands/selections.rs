//! Choosing what to pin in the system's dialogs.

use tauri::{AppHandle, Runtime, State, WebviewWindow};

use crate::backend::Backend;
use crate::dialogs;
use crate::intake::{Given, select, take_in};
use crate::ipc::{IpcError, Selection};

#[tauri::command]
pub(crate) async fn pick_files<R: Runtime>(
    window: WebviewWindow<R>,
    backend: State<'_, Backend>,
) -> Result<Option<Selection>, IpcError> {
    let paths = dialogs::files(&window, "Pin files").await?;
    if paths.is_empty() {
        return Ok(None);
    }
    Ok(Some(select(&backend, paths).await))
}

#[tauri::command]
pub(crate) async fn pick_directory<R: Runtime>(
    window: WebviewWindow<R>,
    backend: State<'_, Backend>,
) -> Result<Option<Selection>, IpcError> {
    match dialogs::folder(&window, "Pin a folder").await? {
        Some(path) => Ok(Some(select(&backend, vec![path]).await)),
        None => Ok(None),
    }
}

#[tauri::command]
pub(crate) async fn discard_selection(backend: State<'_, Backend>, request: String) -> Result<(), IpcError> {
    backend.selections.forget(&request);
    Ok(())
}

/// A text that was let go on the page comes to the page, and not to the shell; what it is, is decided here.
#[tauri::command]
pub(crate) async fn drop_text<R: Runtime>(app: AppHandle<R>, request: String) -> Result<(), IpcError> {
    take_in(&app, Given::text(&request));
    Ok(())
}

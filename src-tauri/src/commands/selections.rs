//! Choosing what to pin in the system's dialogs.

use tauri::{Runtime, State, WebviewWindow};

use crate::backend::Backend;
use crate::dialogs;
use crate::drop::select;
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

//! Watched folders. Which folder is decided in the system's dialog.

use holdfast_core::account::AccountId;
use holdfast_core::folder::FolderId;
use tauri::{Runtime, State, WebviewWindow};

use crate::backend::Backend;
use crate::dialogs;
use crate::ipc::{AddFolderRequest, Folder, FolderEntry, IpcError};

/// More are counted, not listed.
const MOST_LISTED: u32 = 1_000;

#[tauri::command]
pub(crate) async fn folders(backend: State<'_, Backend>) -> Result<Vec<Folder>, IpcError> {
    Ok(backend.engine().await?.folders().await?.into_iter().map(Folder::from).collect())
}

#[tauri::command]
pub(crate) async fn add_folder<R: Runtime>(
    window: WebviewWindow<R>,
    backend: State<'_, Backend>,
    request: AddFolderRequest,
) -> Result<Option<Folder>, IpcError> {
    let Some(path) = dialogs::folder(&window, "Watch a folder").await? else { return Ok(None) };
    let folder = backend.engine().await?.add_folder(path, &AccountId(request.account), None).await?;
    Ok(Some(folder.into()))
}

#[tauri::command]
pub(crate) async fn remove_folder(backend: State<'_, Backend>, request: String) -> Result<(), IpcError> {
    Ok(backend.engine().await?.remove_folder(&FolderId(request)).await?)
}

#[tauri::command]
pub(crate) async fn rescan_folder(backend: State<'_, Backend>, request: String) -> Result<(), IpcError> {
    Ok(backend.engine().await?.rescan_folder(&FolderId(request))?)
}

#[tauri::command]
pub(crate) async fn folder_entries(backend: State<'_, Backend>, request: String) -> Result<Vec<FolderEntry>, IpcError> {
    let entries = backend.engine().await?.folder_entries(&FolderId(request), MOST_LISTED).await?;
    Ok(entries.into_iter().map(FolderEntry::from).collect())
}

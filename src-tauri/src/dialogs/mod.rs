//! The system's own dialogs for files and folders.

use std::path::PathBuf;

use rfd::{AsyncFileDialog, FileHandle};
use tauri::{Runtime, WebviewWindow};
use tokio::sync::oneshot;

use crate::ipc::IpcError;

/// Asks for files. Empty when the person changed their mind.
///
/// # Errors
///
/// When the window is closing.
pub(crate) async fn files<R: Runtime>(window: &WebviewWindow<R>, title: &str) -> Result<Vec<PathBuf>, IpcError> {
    let picked = show(window, title, AsyncFileDialog::pick_files).await?.await;
    Ok(picked.into_iter().flatten().map(path).collect())
}

/// Asks for one file. `None` when the person changed their mind.
///
/// # Errors
///
/// When the window is closing.
pub(crate) async fn file<R: Runtime>(window: &WebviewWindow<R>, title: &str) -> Result<Option<PathBuf>, IpcError> {
    Ok(show(window, title, AsyncFileDialog::pick_file).await?.await.map(path))
}

/// Asks for a folder. `None` when the person changed their mind.
///
/// # Errors
///
/// When the window is closing.
pub(crate) async fn folder<R: Runtime>(window: &WebviewWindow<R>, title: &str) -> Result<Option<PathBuf>, IpcError> {
    Ok(show(window, title, AsyncFileDialog::pick_folder).await?.await.map(path))
}

/// Dialogs are opened on the main thread, where macOS wants them, and waited for elsewhere.
async fn show<R: Runtime, F: Send + 'static>(
    window: &WebviewWindow<R>,
    title: &str,
    pick: impl FnOnce(AsyncFileDialog) -> F + Send + 'static,
) -> Result<F, IpcError> {
    let (sender, receiver) = oneshot::channel();
    let (parent, title) = (window.clone(), title.to_owned());
    let open = move || {
        let dialog = AsyncFileDialog::new().set_parent(&parent).set_title(title);
        // Who asked may be gone; then nobody waits for the answer.
        drop(sender.send(pick(dialog)));
    };
    window.run_on_main_thread(open).map_err(IpcError::internal)?;
    receiver.await.map_err(IpcError::internal)
}

fn path(handle: FileHandle) -> PathBuf {
    handle.path().to_owned()
}

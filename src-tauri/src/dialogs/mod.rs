//! The system's own dialogs for files and folders.

#[cfg(target_os = "linux")]
mod gtk;

use std::path::PathBuf;
use std::pin::Pin;

use rfd::{AsyncFileDialog, FileHandle};
use tauri::{Runtime, WebviewWindow};
use tokio::sync::oneshot;

use crate::ipc::IpcError;

/// What a dialog asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    File,
    Files,
    Folder,
}

/// Asks for files. Empty when the person changed their mind.
///
/// # Errors
///
/// When the window is closing.
pub(crate) async fn files<R: Runtime>(window: &WebviewWindow<R>, title: &str) -> Result<Vec<PathBuf>, IpcError> {
    ask(window, title, Wanted::Files).await
}

/// Asks for one file. `None` when the person changed their mind.
///
/// # Errors
///
/// When the window is closing.
pub(crate) async fn file<R: Runtime>(window: &WebviewWindow<R>, title: &str) -> Result<Option<PathBuf>, IpcError> {
    Ok(ask(window, title, Wanted::File).await?.into_iter().next())
}

/// Asks for a folder. `None` when the person changed their mind.
///
/// # Errors
///
/// When the window is closing.
pub(crate) async fn folder<R: Runtime>(window: &WebviewWindow<R>, title: &str) -> Result<Option<PathBuf>, IpcError> {
    Ok(ask(window, title, Wanted::Folder).await?.into_iter().next())
}

async fn ask<R: Runtime>(window: &WebviewWindow<R>, title: &str, wanted: Wanted) -> Result<Vec<PathBuf>, IpcError> {
    // Where there is no portal, a dialog of the desktop would be waited for that never comes.
    #[cfg(target_os = "linux")]
    if !gtk::has_portal().await {
        return gtk::ask(window, title, wanted).await;
    }
    let (sender, receiver) = oneshot::channel();
    let (parent, title) = (window.clone(), title.to_owned());
    // Opened on the main thread, where macOS wants dialogs, and waited for elsewhere.
    let open = move || {
        let dialog = AsyncFileDialog::new().set_parent(&parent).set_title(title);
        // Who asked may be gone; then nobody waits for the answer.
        drop(sender.send(open(dialog, wanted)));
    };
    window.run_on_main_thread(open).map_err(IpcError::internal)?;
    let picked = receiver.await.map_err(IpcError::internal)?.await;
    Ok(picked.iter().map(|file| file.path().to_owned()).collect())
}

fn open(dialog: AsyncFileDialog, wanted: Wanted) -> Pin<Box<dyn Future<Output = Vec<FileHandle>> + Send>> {
    match wanted {
        Wanted::File => {
            let picked = dialog.pick_file();
            Box::pin(async { picked.await.into_iter().collect() })
        }
        Wanted::Files => {
            let picked = dialog.pick_files();
            Box::pin(async { picked.await.unwrap_or_default() })
        }
        Wanted::Folder => {
            let picked = dialog.pick_folder();
            Box::pin(async { picked.await.into_iter().collect() })
        }
    }
}

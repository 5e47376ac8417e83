//! Files dropped on the window. Their paths stay here; the web view hears of a selection.

use std::path::PathBuf;

use holdfast_core::Error;
use holdfast_core::content::{self, Problem};
use tauri::{DragDropEvent, Emitter, Manager, Runtime, Window, WindowEvent};

use crate::backend::Backend;
use crate::ipc::Selection;
use crate::ipc::events::{self, DropEvent};

/// Passes on what a drag over the window does.
pub(crate) fn on_window_event<R: Runtime>(window: &Window<R>, event: &WindowEvent) {
    match event {
        WindowEvent::DragDrop(DragDropEvent::Enter { paths, .. }) => {
            let count = u32::try_from(paths.len()).unwrap_or(u32::MAX);
            emit(window, DropEvent::Enter { count });
        }
        WindowEvent::DragDrop(DragDropEvent::Leave) => emit(window, DropEvent::Leave),
        WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) => {
            // Looking at a large folder takes its time; the overlay does not wait for it.
            emit(window, DropEvent::Leave);
            let (window, paths) = (window.clone(), paths.clone());
            tauri::async_runtime::spawn(async move {
                let selection = select(&window.state::<Backend>(), paths).await;
                emit(&window, DropEvent::Dropped { selection });
            });
        }
        _ => {}
    }
}

/// Looks at what a person chose and keeps its paths under the selection's id.
pub(crate) async fn select(backend: &Backend, paths: Vec<PathBuf>) -> Selection {
    let selection = look(backend, &paths).await.unwrap_or_else(|error| refuse(&paths, &error));
    let chosen = selection.items.iter().map(|item| item.path.clone()).collect();
    Selection::new(backend.selections.keep(chosen), selection)
}

async fn look(backend: &Backend, paths: &[PathBuf]) -> Result<content::Selection, Error> {
    let account = backend.default_account().await?;
    backend.engine().await?.select(paths.to_owned(), &account).await
}

/// A drop has nobody to give an error to but the list of what was refused.
fn refuse(paths: &[PathBuf], error: &Error) -> content::Selection {
    let refused = paths.iter().map(|path| Problem {
        name: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        reason: error.to_string(),
    });
    content::Selection { refused: refused.collect(), ..content::Selection::default() }
}

fn emit<R: Runtime>(window: &Window<R>, event: DropEvent) {
    if let Err(error) = window.emit_to(window.label(), events::DROP, event) {
        tracing::error!(%error, "the web view did not hear of a drop");
    }
}

//! How things get in: dropped on the window, chosen in a dialog, or opened with Holdfast. Paths stay here; the web view
//! hears of a selection.

mod given;
#[cfg(target_os = "linux")]
mod uris;

use std::path::PathBuf;

use holdfast_content::CidInText;
use holdfast_core::Error;
use holdfast_core::content::{self, Chosen, Problem};
use tauri::{AppHandle, DragDropEvent, LogicalPosition, Manager, PhysicalPosition, Runtime, Window, WindowEvent};

pub(crate) use self::given::{Given, as_text};
#[cfg(target_os = "linux")]
pub(crate) use self::uris::Dragged;
use crate::backend::Backend;
use crate::ipc::Selection;
use crate::ipc::events::DropEvent;
use crate::listeners::Listeners;

/// Passes on what a drag over the window does.
pub(crate) fn on_window_event<R: Runtime>(window: &Window<R>, event: &WindowEvent) {
    let WindowEvent::DragDrop(event) = event else { return };
    let tell = |event| window.state::<Listeners>().drops.tell(event);
    match event {
        DragDropEvent::Enter { paths, position } => {
            tell(DropEvent::Enter { count: u32::try_from(paths.len()).unwrap_or(u32::MAX) });
            let (x, y) = in_page(window, *position);
            tell(DropEvent::Over { x, y });
        }
        DragDropEvent::Over { position } => {
            let (x, y) = in_page(window, *position);
            tell(DropEvent::Over { x, y });
        }
        DragDropEvent::Leave => tell(DropEvent::Leave),
        DragDropEvent::Drop { paths, position } => {
            // Looking at a large folder takes its time; the overlay does not wait for it.
            let (x, y) = in_page(window, *position);
            tell(DropEvent::LetGo { x, y });
            #[cfg(target_os = "linux")]
            let given = window.state::<Dragged>().take(paths);
            #[cfg(not(target_os = "linux"))]
            let given = Given { paths: paths.clone(), links: Vec::new() };
            take_in(window.app_handle(), given);
        }
        _ => {}
    }
}

/// A place in the window as the page has it. GTK tells it in the page's pixels already.
fn in_page<R: Runtime>(window: &Window<R>, position: PhysicalPosition<f64>) -> (f64, f64) {
    let scale = if cfg!(target_os = "linux") { 1.0 } else { window.scale_factor().unwrap_or(1.0) };
    let place: LogicalPosition<f64> = position.to_logical(scale);
    (place.x, place.y)
}

/// Looks at what a person gave, and tells the web view what came of it.
pub(crate) fn take_in<R: Runtime>(app: &AppHandle<R>, given: Given) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let listeners = app.state::<Listeners>();
        for text in given.links {
            let is_pinnable = text.parse::<CidInText>().is_ok();
            listeners.drops.tell(if is_pinnable {
                DropEvent::Cid { text }
            } else {
                DropEvent::Text { text: text.into() }
            });
        }
        if !given.paths.is_empty() {
            let selection = select(&app.state::<Backend>(), given.paths).await;
            listeners.drops.tell(DropEvent::Dropped { selection });
        }
    });
}

/// Looks at what a person chose and keeps its paths under the selection's id.
pub(crate) async fn select(backend: &Backend, paths: Vec<PathBuf>) -> Selection {
    let selection = look(backend, &paths).await.unwrap_or_else(|error| refuse(&paths, &error));
    let chosen = selection.items.iter().map(Chosen::from).collect();
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

//! What the web view and its window tell one another.

use std::sync::Arc;
use std::time::Instant;

use tauri::ipc::Channel;
use tauri::{Runtime, State, WebviewWindow};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use crate::backend::Backend;
use crate::changes;
use crate::ipc::IpcError;
use crate::ipc::events::{Changed, DropEvent};
use crate::ipc::transfer::ProgressTick;
use crate::listeners::Listeners;
use crate::window;

/// When the program was started.
#[derive(Debug)]
pub(crate) struct Started(pub(crate) Instant);

/// The one report of progress: a page that is loaded again asks for a new one.
#[derive(Debug, Default)]
pub(crate) struct Report(Mutex<Option<AbortHandle>>);

#[tauri::command]
pub(crate) async fn ui_ready<R: Runtime>(
    window: WebviewWindow<R>,
    started: State<'_, Started>,
) -> Result<(), IpcError> {
    window::show(&window);
    let milliseconds = u64::try_from(started.0.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(milliseconds, "ui_ready");
    Ok(())
}

/// Answered on the main thread, in the order of the calls: what is asked for after it misses no change.
#[tauri::command]
pub(crate) fn watch_changes(listeners: State<'_, Listeners>, channel: Channel<Changed>) {
    listeners.changes.open(channel);
}

#[tauri::command]
pub(crate) fn watch_drops(listeners: State<'_, Listeners>, channel: Channel<DropEvent>) {
    listeners.drops.open(channel);
}

#[tauri::command]
pub(crate) async fn watch_progress(
    backend: State<'_, Backend>,
    report: State<'_, Report>,
    channel: Channel<ProgressTick>,
) -> Result<(), IpcError> {
    let engine = Arc::clone(backend.opened().await);
    let task = tokio::spawn(changes::report(engine, channel));
    if let Some(earlier) = report.0.lock().await.replace(task.abort_handle()) {
        earlier.abort();
    }
    Ok(())
}

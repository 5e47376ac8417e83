//! From the first line to the last: one instance a home, a window before anything slow, and an end that loses nothing.

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Parser;
use holdfast_core::Home;
use holdfast_core::home::HomeError;
use holdfast_core::lasting::LastingNumber;
use holdfast_private::Umask;
use tauri::{App, AppHandle, Builder, Manager, RunEvent, Runtime, Wry};

use crate::args::Args;
use crate::backend::Backend;
use crate::commands::window::{Report, Started};
#[cfg(target_os = "linux")]
use crate::intake::Dragged;
use crate::intake::{self, Given};
use crate::listeners::Listeners;
use crate::{changes, ipc, window};

/// Why the program cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("there is no place for Holdfast's state: set HOLDFAST_HOME, or use --home DIR")]
    NoHome,
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error(transparent)]
    Tauri(#[from] tauri::Error),
}

/// Opens the window and runs until it is closed.
///
/// # Errors
///
/// When there is no home, or no window can be opened.
pub(crate) fn run(args: Args, umask: Umask, started: Instant) -> Result<(), RunError> {
    let given = args.home.filter(|dir| !dir.as_os_str().is_empty());
    let dir = given.or_else(Home::default_dir).ok_or(RunError::NoHome)?;
    // Before the web view makes it, readable by everybody.
    let home = Home::prepare(&dir)?;
    let state = home.join("window-state.json").to_string_lossy().into_owned();
    let builder = Builder::<Wry>::new()
        .plugin(single_instance(&home))
        .plugin(tauri_plugin_window_state::Builder::new().with_filename(state).with_state_flags(remembered()).build())
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_opener::Builder::new().open_js_links_on_click(false).build())
        .manage(Backend::new(home.clone()))
        .manage(Report::default())
        .manage(Listeners::default())
        .manage(Started(started))
        .manage(umask);
    #[cfg(target_os = "linux")]
    let builder = builder.manage(Dragged::default());
    builder
        .invoke_handler(ipc::registry::handler())
        .on_window_event(intake::on_window_event)
        .setup(move |app| Ok(set_up(app, &home, args.open)?))
        .build(tauri::generate_context!())?
        .run(on_event());
    Ok(())
}

/// The second launch for a home raises the window of the first.
fn single_instance<R: Runtime>(home: &Path) -> tauri::plugin::TauriPlugin<R> {
    let number = LastingNumber::default().name(home.as_os_str()).finish();
    tauri_plugin_single_instance::Builder::new()
        .callback(|app, arguments, directory| {
            window::raise(app);
            // The second launch has refused what it does not understand.
            let Ok(args) = Args::try_parse_from(arguments) else { return };
            intake::take_in(app, Given::on_command_line(args.open, Path::new(&directory)));
        })
        .dbus_id(format!("network.holdfast.desktop.home{:016x}", number))
        .build()
}

/// Not whether it was visible: it is shown when the first screen is painted.
fn remembered() -> tauri_plugin_window_state::StateFlags {
    use tauri_plugin_window_state::StateFlags;
    StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED | StateFlags::FULLSCREEN
}

fn set_up<R: Runtime>(app: &mut App<R>, home: &Path, open: Vec<OsString>) -> tauri::Result<()> {
    let handle = app.handle().clone();
    tauri::async_runtime::spawn(async move {
        let backend = handle.state::<Backend>();
        // The web view's first request gives the same error, and shows it.
        if let Err(error) = backend.engine().await {
            tracing::warn!(%error, "the home cannot be opened");
        }
        let changes = backend.opened().await.changes();
        tauri::async_runtime::spawn(changes::forward(handle.clone(), changes));
        backend.work().await;
    });
    tauri::async_runtime::spawn(end_when_told(app.handle().clone()));
    let window = window::open(app.handle(), home)?;
    #[cfg(target_os = "linux")]
    Dragged::note(&window)?;
    #[cfg(not(target_os = "linux"))]
    drop(window);
    let directory = std::env::current_dir().unwrap_or_default();
    intake::take_in(app.handle(), Given::on_command_line(open, &directory));
    Ok(())
}

/// Work is parked before the program ends, whoever ends it.
fn on_event<R: Runtime>() -> impl FnMut(&AppHandle<R>, RunEvent) + 'static {
    let parking = AtomicBool::new(false);
    move |app, event| {
        let RunEvent::ExitRequested { api, code, .. } = event else { return };
        let was_parking = parking.swap(true, Ordering::Relaxed);
        // The end of parking asks with a code; who is told to end a second time does not wait for it.
        if was_parking && code.is_some() {
            return;
        }
        api.prevent_exit();
        if !was_parking {
            let app = app.clone();
            tauri::async_runtime::spawn(async move {
                app.state::<Backend>().drain().await;
                app.exit(0);
            });
        }
    }
}

/// A session that logs out, or a terminal's Ctrl-C.
async fn end_when_told<R: Runtime>(app: AppHandle<R>) {
    #[cfg(unix)]
    let told = async {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted,
        }
    };
    #[cfg(not(unix))]
    let told = tokio::signal::ctrl_c();
    match told.await {
        Ok(()) => app.exit(0),
        Err(error) => tracing::warn!(%error, "signals cannot be heard"),
    }
}

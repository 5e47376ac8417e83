//! The first screen's snapshot, and the settings.

use std::time::Duration;

use holdfast_core::account::PRESETS;
use tauri::{Runtime, State, WebviewWindow};
use tokio::time::timeout;

use crate::backend::Backend;
use crate::ipc::account::AccountPreset;
use crate::ipc::settings::Keyring;
use crate::ipc::{Account, Bootstrap, HomeTrouble, IpcError, Limits, Settings};
use crate::window;

/// A keyring that is locked waits for a person; the first screen does not. What comes later comes as a change.
const PATIENCE: Duration = Duration::from_millis(500);

#[tauri::command]
pub(crate) async fn bootstrap<R: Runtime>(
    window: WebviewWindow<R>,
    backend: State<'_, Backend>,
) -> Result<Bootstrap, IpcError> {
    let engine = backend.engine().await?;
    let settings = Settings::from(engine.settings().await?);
    window::set_theme(&window, settings.theme);
    let (keyring, _) =
        tokio::join!(timeout(PATIENCE, engine.check_keyring()), timeout(PATIENCE, backend.service_tried()));
    let keyring = match keyring {
        Ok(Err(error)) => Keyring::Unavailable { reason: error.to_string().into() },
        Ok(Ok(())) | Err(_) => Keyring::Available,
    };
    Ok(Bootstrap {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        home: engine.home().dir().to_string_lossy().into(),
        settings,
        keyring,
        accounts: engine.accounts().await?.into_iter().map(Account::from).collect(),
        presets: PRESETS.iter().map(AccountPreset::from).collect(),
        troubles: engine.troubles().borrow().iter().cloned().map(HomeTrouble::from).collect(),
    })
}

#[tauri::command]
pub(crate) async fn save_settings<R: Runtime>(
    window: WebviewWindow<R>,
    backend: State<'_, Backend>,
    request: Settings,
) -> Result<(), IpcError> {
    let theme = request.theme;
    backend.engine().await?.save_settings(request.into()).await?;
    window::set_theme(&window, theme);
    Ok(())
}

#[tauri::command]
pub(crate) async fn limits(backend: State<'_, Backend>) -> Result<Limits, IpcError> {
    let engine = backend.engine().await?;
    Ok(Limits::new(&engine.limits().await?, engine.history().await?))
}

#[tauri::command]
pub(crate) async fn set_limits(backend: State<'_, Backend>, request: Limits) -> Result<(), IpcError> {
    let engine = backend.engine().await?;
    let (limits, history) = request.parse()?;
    engine.set_limits(limits).await?;
    engine.set_history(history).await?;
    Ok(())
}

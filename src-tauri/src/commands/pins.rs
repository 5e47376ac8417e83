//! The table of pins, and what can be done with them. Links are built here, never taken from the web view.

use holdfast_core::{Engine, Error, pin};
use holdfast_private::Umask;
use tauri::{AppHandle, Runtime, State};
use tauri_plugin_clipboard_manager::ClipboardExt;
use tauri_plugin_opener::OpenerExt;

use crate::backend::Backend;
use crate::ipc::pin::{CopyWhat, ipfs_link};
use crate::ipc::{CopyPinsRequest, EditPinRequest, IpcError, Pin, PinDetails, PinKey, PinPage, PinQuery};

#[tauri::command]
pub(crate) async fn pins(backend: State<'_, Backend>, request: PinQuery) -> Result<PinPage, IpcError> {
    Ok(backend.engine().await?.pins(request.into()).await?.into())
}

#[tauri::command]
pub(crate) async fn pin_details(backend: State<'_, Backend>, request: PinKey) -> Result<PinDetails, IpcError> {
    Ok(backend.engine().await?.pin_details(&request.into()).await?.into())
}

#[tauri::command]
pub(crate) async fn edit_pin(backend: State<'_, Backend>, request: EditPinRequest) -> Result<Pin, IpcError> {
    let engine = backend.engine().await?;
    Ok(engine.edit_pin(&request.pin.into(), request.name, request.metadata).await?.into())
}

#[tauri::command]
pub(crate) async fn refresh_pins(backend: State<'_, Backend>) -> Result<(), IpcError> {
    Ok(backend.engine().await?.refresh(None).await?)
}

#[tauri::command]
pub(crate) async fn copy_pins<R: Runtime>(
    app: AppHandle<R>,
    backend: State<'_, Backend>,
    request: CopyPinsRequest,
) -> Result<(), IpcError> {
    let engine = backend.engine().await?;
    let mut lines = Vec::new();
    for key in request.pins {
        lines.push(text_of(&engine, &key.into(), request.what).await?);
    }
    app.clipboard().write_text(lines.join("\n")).map_err(IpcError::internal)
}

#[tauri::command]
pub(crate) async fn open_in_browser<R: Runtime>(
    app: AppHandle<R>,
    backend: State<'_, Backend>,
    umask: State<'_, Umask>,
    request: PinKey,
) -> Result<(), IpcError> {
    let engine = backend.engine().await?;
    let link = text_of(&engine, &request.into(), CopyWhat::GatewayLink).await?;
    // What a browser that is started by this saves is the person's.
    umask.lend(|| app.opener().open_url(link, None::<&str>)).map_err(IpcError::internal)
}

async fn text_of(engine: &Engine, key: &pin::PinKey, what: CopyWhat) -> Result<String, Error> {
    let details = engine.pin_details(key).await?;
    let cid = details.pin.held.cid.to_string();
    match what {
        CopyWhat::Cid => Ok(cid),
        CopyWhat::IpfsLink => Ok(ipfs_link(&details.pin)),
        CopyWhat::GatewayLink => details.account.gateway_link(&cid).ok_or_else(|| {
            Error::InvalidInput(format!("The account {:?} has no gateway to link to.", details.account.label))
        }),
    }
}

//! The table of pins, and what can be done with them. Links are built here, never taken from the web view.

use std::collections::HashMap;

use holdfast_content::Cid;
use holdfast_core::account::AccountId;
use holdfast_core::pin::PinSet;
use holdfast_core::{Engine, Error};
use holdfast_private::Umask;
use tauri::{AppHandle, Runtime, State};
use tauri_plugin_clipboard_manager::ClipboardExt;
use tauri_plugin_opener::OpenerExt;

use crate::backend::Backend;
use crate::ipc::pin::{CopyWhat, ipfs_link};
use crate::ipc::{
    CopyPinsRequest, EditPinRequest, IpcError, Pin, PinDetails, PinKey, PinPage, PinQuery, PlacesRequest,
};

#[tauri::command]
pub(crate) async fn pins(backend: State<'_, Backend>, request: PinQuery) -> Result<PinPage, IpcError> {
    Ok(backend.engine().await?.pins(request.into()).await?.into())
}

/// Null of what does not match.
#[tauri::command]
pub(crate) async fn pin_places(
    backend: State<'_, Backend>,
    request: PlacesRequest,
) -> Result<Vec<Option<u64>>, IpcError> {
    let keys = request.pins.into_iter().map(Into::into).collect();
    Ok(backend.engine().await?.places(request.query.into(), keys).await?)
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

/// Says how many lines that are.
#[tauri::command]
pub(crate) async fn copy_pins<R: Runtime>(
    app: AppHandle<R>,
    backend: State<'_, Backend>,
    request: CopyPinsRequest,
) -> Result<u64, IpcError> {
    let engine = backend.engine().await?;
    let contents = engine.contents(request.pins.into()).await?;
    let lines = lines(&engine, &contents, request.what).await?;
    app.clipboard().write_text(lines.join("\n")).map_err(IpcError::internal)?;
    Ok(lines.len() as u64)
}

#[tauri::command]
pub(crate) async fn open_in_browser<R: Runtime>(
    app: AppHandle<R>,
    backend: State<'_, Backend>,
    umask: State<'_, Umask>,
    request: PinKey,
) -> Result<(), IpcError> {
    let engine = backend.engine().await?;
    let contents = engine.contents(PinSet::Named(vec![request.into()])).await?;
    let link = lines(&engine, &contents, CopyWhat::GatewayLink).await?.concat();
    // What a browser that is started by this saves is the person's.
    umask.lend(|| app.opener().open_url(link, None::<&str>)).map_err(IpcError::internal)
}

async fn lines(engine: &Engine, contents: &[(AccountId, Cid)], what: CopyWhat) -> Result<Vec<String>, Error> {
    let accounts: HashMap<_, _> = match what {
        CopyWhat::GatewayLink => {
            engine.accounts().await?.into_iter().map(|one| (one.account.id.clone(), one.account)).collect()
        }
        CopyWhat::Cid | CopyWhat::IpfsLink => HashMap::new(),
    };
    let line = |(id, cid): &(AccountId, Cid)| match (what, accounts.get(id)) {
        (CopyWhat::Cid, _) => Ok(cid.to_string()),
        (CopyWhat::IpfsLink, _) => Ok(ipfs_link(cid)),
        (CopyWhat::GatewayLink, None) => Err(Error::NoSuch { what: "account", id: id.0.clone() }),
        (CopyWhat::GatewayLink, Some(account)) => account
            .gateway_link(&cid.to_string())
            .ok_or_else(|| Error::InvalidInput(format!("The account {:?} has no gateway to link to.", account.label))),
    };
    contents.iter().map(line).collect()
}

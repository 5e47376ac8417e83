//! Accounts. A secret comes in with a draft; no command gives one back.

use holdfast_core::account::{AccountId, Keep};
use tauri::State;

use crate::backend::Backend;
use crate::ipc::{
    Account, AccountDraft, AccountRemoval, AddAccountRequest, EditAccountRequest, FoundService,
    ImportKuboServicesRequest, IpcError, SetFetchSourcesRequest,
};

#[tauri::command]
pub(crate) async fn accounts(backend: State<'_, Backend>) -> Result<Vec<Account>, IpcError> {
    Ok(backend.engine().await?.accounts().await?.into_iter().map(Account::from).collect())
}

#[tauri::command]
pub(crate) async fn test_account(backend: State<'_, Backend>, request: AccountDraft) -> Result<(), IpcError> {
    Ok(backend.engine().await?.test_account(request.try_into()?).await?)
}

#[tauri::command]
pub(crate) async fn add_account(backend: State<'_, Backend>, request: AddAccountRequest) -> Result<Account, IpcError> {
    let keep = if request.session_only { Keep::Session } else { Keep::Keyring };
    Ok(backend.engine().await?.add_account(request.draft.try_into()?, keep).await?.into())
}

#[tauri::command]
pub(crate) async fn check_account(backend: State<'_, Backend>, request: String) -> Result<Account, IpcError> {
    Ok(backend.engine().await?.check_account(&AccountId(request)).await?.into())
}

#[tauri::command]
pub(crate) async fn edit_account(
    backend: State<'_, Backend>,
    request: EditAccountRequest,
) -> Result<Account, IpcError> {
    let id = AccountId(request.id.clone());
    Ok(backend.engine().await?.edit_account(&id, request.into()).await?.into())
}

#[tauri::command]
pub(crate) async fn set_fetch_sources(
    backend: State<'_, Backend>,
    request: SetFetchSourcesRequest,
) -> Result<Vec<Account>, IpcError> {
    let engine = backend.engine().await?;
    engine.set_fetch_sources(request.try_into()?).await?;
    Ok(engine.accounts().await?.into_iter().map(Account::from).collect())
}

#[tauri::command]
pub(crate) async fn remove_account(backend: State<'_, Backend>, request: String) -> Result<AccountRemoval, IpcError> {
    Ok(backend.engine().await?.remove_account(&AccountId(request)).await?.into())
}

#[tauri::command]
pub(crate) async fn probe_account(backend: State<'_, Backend>, request: String) -> Result<Account, IpcError> {
    Ok(backend.engine().await?.probe_account(&AccountId(request)).await?.into())
}

#[tauri::command]
pub(crate) async fn find_kubo_services(backend: State<'_, Backend>) -> Result<Vec<FoundService>, IpcError> {
    Ok(backend.engine().await?.kubo_services(None).await?.into_iter().map(FoundService::from).collect())
}

/// Adds what can be added; of the services that cannot, the first one's error is the answer.
#[tauri::command]
pub(crate) async fn import_kubo_services(
    backend: State<'_, Backend>,
    request: ImportKuboServicesRequest,
) -> Result<Vec<Account>, IpcError> {
    let keep = if request.session_only { Keep::Session } else { Keep::Keyring };
    let imported = backend.engine().await?.import_kubo_services(None, &request.names, keep).await?;
    Ok(imported.into_iter().map(|one| one.account.map(Account::from)).collect::<Result<_, _>>()?)
}

//! An account as the command prints it.

use holdfast_core::{
    account::{AccountState, AccountView, SecretKept, UploadRoute},
    gateway::as_typed,
    vault::CredentialKind,
};
use serde::Serialize;

use crate::{Failure, caller::Caller, output::bytes};

pub(super) fn print(view: &AccountView, caller: &Caller) -> Result<(), Failure> {
    Ok(caller.result(&row(view), || describe(view))?)
}

#[derive(Serialize)]
pub(super) struct Row<'a> {
    id: &'a str,
    label: &'a str,
    kind: &'static str,
    endpoint: &'a str,
    gateway: Option<String>,
    this_computer: bool,
    secret_kept: SecretKept,
    state: &'static str,
    message: Option<&'a str>,
    /// When it last answered.
    last_contact: Option<String>,
    /// What is listed of its pins is as of then.
    is_outdated: bool,
    pins: u64,
    bytes: u64,
    credentials: CredentialKind,
    can_upload: &'static str,
    upload_through: Option<&'a str>,
    can_edit: bool,
    keeps_metadata: bool,
    /// Of This computer: the gateways that it may fetch from.
    fetches_from: Option<Vec<String>>,
    /// Bytes used, where the service says; and when it said so.
    used_bytes: Option<u64>,
    used_as_of: Option<String>,
}

pub(super) fn row(view: &AccountView) -> Row<'_> {
    let (state, message) = match &view.state {
        AccountState::Unknown => ("unknown", None),
        AccountState::Ok => ("ok", None),
        AccountState::Failed { code, message } => (code.as_str(), Some(message.as_str())),
    };
    Row {
        id: &view.account.id.0,
        label: &view.account.label,
        kind: view.account.kind.as_str(),
        endpoint: view.account.endpoint.as_str(),
        gateway: view.account.gateway_text(),
        this_computer: view.account.this_computer,
        secret_kept: view.secret_kept,
        state,
        message,
        last_contact: view.last_contact.map(|at| at.to_rfc3339()),
        is_outdated: view.is_outdated,
        pins: view.pins,
        bytes: view.bytes,
        credentials: view.account.credentials,
        can_upload: match &view.upload {
            UploadRoute::Direct => "yes",
            UploadRoute::Through { .. } => "through_node",
            UploadRoute::NeedsNode => "needs_node",
        },
        upload_through: match &view.upload {
            UploadRoute::Through { label } => Some(label),
            UploadRoute::Direct | UploadRoute::NeedsNode => None,
        },
        can_edit: view.can_edit,
        keeps_metadata: view.keeps_metadata,
        fetches_from: view.fetches_from.as_ref().map(|from| as_typed(&from.now)),
        used_bytes: view.usage.map(|then| then.usage.used_bytes),
        used_as_of: view.usage.map(|then| then.at.to_rfc3339()),
    }
}

pub(super) fn describe(view: &AccountView) -> String {
    let row = row(view);
    let state = match row.message {
        Some(message) => match &row.last_contact {
            Some(at) => format!("{message} (it last answered at {at})"),
            None => message.to_owned(),
        },
        None if row.state == "ok" => "answers".into(),
        None => row.last_contact.as_ref().map_or_else(|| "not asked yet".into(), |at| format!("answered at {at}")),
    };
    let fetches = row.fetches_from.as_ref().map_or_else(String::new, |from| match from.as_slice() {
        [] => "; fetches from nowhere".into(),
        from => format!("; fetches from {}", from.join(", ")),
    });
    format!("{}  {}  {} pins, {}  {state}{fetches}", row.label, row.endpoint, row.pins, bytes(row.bytes))
}

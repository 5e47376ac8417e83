//! `holdfast account add|ls|rm|test`

use std::{
    io::{self, Read},
    path::PathBuf,
};

use holdfast_core::{
    account::{AccountDraft, AccountState, AccountView, Keep, PlainHttp, ProviderKind, SecretKept},
    vault::Credentials,
};
use secrecy::SecretString;
use serde::Serialize;

use crate::{
    Failure,
    args::{AccountAddArgs, AccountCommand, Kind},
    output::{Output, bytes},
    session::Session,
};

/// More than any secret has; a wrong file on standard input must not fill the memory.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    label: &'a str,
    kind: &'static str,
    endpoint: &'a str,
    gateway: Option<String>,
    this_computer: bool,
    secret_kept: SecretKept,
    state: &'static str,
    message: Option<&'a str>,
    pins: u64,
    bytes: u64,
}

pub(crate) async fn run(command: AccountCommand, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    match command {
        AccountCommand::Add(args) => add(args, home, out).await,
        AccountCommand::Ls => list(home, out).await,
        AccountCommand::Rm { account } => {
            let session = Session::open(home).await?;
            let account = session.engine.account_named(&account).await?;
            session.engine.remove_account(&account.id).await?;
            out.result(&serde_json::json!({ "id": account.id.0, "label": account.label, "removed": true }), || {
                format!("Removed {}. What is pinned there stays pinned.", account.label)
            })?;
            session.end().await
        }
        AccountCommand::Test { account } => test(&account, home, out).await,
    }
}

async fn add(args: AccountAddArgs, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::open(home).await?;
    let secret = read_secret(args.secret_stdin)?;
    let draft = AccountDraft {
        label: args.label,
        kind: match args.kind {
            Kind::Aioz => ProviderKind::Aioz,
        },
        endpoint: args.endpoint,
        gateway: args.gateway,
        credentials: Credentials::key_and_secret(&args.key, &secret).map_err(Failure::Plain)?,
        plain_http: PlainHttp::Refused,
    };
    let view = session.engine.add_account(draft, Keep::Keyring).await?;
    print(&view, out)?;
    session.end().await
}

async fn list(home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::open(home).await?;
    let views = session.engine.accounts().await?;
    let rows: Vec<Row<'_>> = views.iter().map(row).collect();
    out.result(&rows, || views.iter().map(describe).collect::<Vec<_>>().join("\n"))?;
    session.end().await
}

async fn test(name: &str, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::with_service(home).await?;
    let account = session.engine.account_named(name).await?;
    let view = session.engine.check_account(&account.id).await?;
    print(&view, out)?;
    let failed = matches!(view.state, AccountState::Failed { .. });
    session.end().await?;
    if failed { Err(Failure::Partial) } else { Ok(()) }
}

fn read_secret(from_stdin: bool) -> Result<SecretString, Failure> {
    if !from_stdin {
        return Ok(rpassword::prompt_password("Secret: ")?.into());
    }
    let mut text = String::new();
    io::stdin().take(MAX_SECRET_BYTES).read_to_string(&mut text)?;
    Ok(text.into())
}

fn print(view: &AccountView, out: Output) -> Result<(), Failure> {
    Ok(out.result(&row(view), || describe(view))?)
}

fn row(view: &AccountView) -> Row<'_> {
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
        pins: view.pins,
        bytes: view.bytes,
    }
}

fn describe(view: &AccountView) -> String {
    let row = row(view);
    let state = match row.message {
        Some(message) => message.to_owned(),
        None if row.state == "ok" => "answers".into(),
        None => "not asked yet".into(),
    };
    format!("{}  {}  {} pins, {}  {state}", row.label, row.endpoint, row.pins, bytes(row.bytes))
}

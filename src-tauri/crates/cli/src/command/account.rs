//! `holdfast account add|edit|ls|presets|rm|test`; `check` is in `account_card`, `import-kubo` in `account_import`.

use std::{
    io::{self, Read},
    path::PathBuf,
};

use holdfast_core::{
    SecretRemoval,
    account::{AccountDraft, AccountEdit, AccountState, Keep, PRESETS, PlainHttp, Preset, ProviderKind},
    gateway::FetchSources,
    vault::{CredentialKind, Credentials},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    account_card, account_import,
    account_row::{Row, describe, print, row},
};
use crate::{
    Failure,
    args::{AccountAddArgs, AccountCommand, AccountEditArgs, Kind, KnownBy},
    output::{Lines, Output, complain},
    session::Session,
};

/// More than any secret has; a wrong file on standard input must not fill the memory.
const MAX_SECRET_BYTES: usize = 64 * 1024;

#[derive(Serialize)]
struct Removed<'a> {
    id: &'a str,
    label: &'a str,
    removed: bool,
    /// The keyring has its secret until it answers.
    secret_left: bool,
}

pub(crate) async fn run(command: AccountCommand, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    match command {
        AccountCommand::Add(args) => add(args, home, out).await,
        AccountCommand::Presets => presets(out),
        AccountCommand::Check { account } => account_card::run(&account, home, out).await,
        AccountCommand::ImportKubo(args) => account_import::run(args, home, out).await,
        AccountCommand::Ls => list(home, out).await,
        AccountCommand::Edit(args) => edit(args, home, out).await,
        AccountCommand::Rm { account } => remove(&account, home, out).await,
        AccountCommand::Test { account } => test(&account, home, out).await,
    }
}

async fn add(args: AccountAddArgs, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let preset = match &args.preset {
        Some(name) => Some(Preset::named(name).ok_or_else(|| {
            Failure::Plain(format!("There is no preset {name:?}; `holdfast account presets` lists them."))
        })?),
        None => None,
    };
    let (Some(kind), Some(label), Some(endpoint)) = (
        preset.map(|preset| preset.kind).or(args.kind.map(ProviderKind::from)),
        args.label.or(preset.map(|preset| preset.name.into())),
        args.endpoint.or(preset.map(|preset| preset.endpoint.into())),
    ) else {
        return Err(Failure::Plain("Say which service: --preset, or --kind, --label and --endpoint.".into()));
    };
    let session = Session::open(home).await?;
    let draft = AccountDraft {
        label,
        kind,
        endpoint,
        gateway: args.gateway,
        credentials: credentials(kind, args.known_by, preset, args.secret_stdin)?,
        plain_http: plain_http(args.plain_http),
    };
    let view = session.engine.add_account(draft, Keep::Keyring).await?;
    print(&view, out)?;
    session.end().await
}

async fn edit(args: AccountEditArgs, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    // That account is there once its service has run.
    let session = if args.fetch.is_said() { Session::with_service(home).await? } else { Session::open(home).await? };
    let account = session.engine.account_named(&args.account).await?;
    if args.fetch.is_said() {
        if !account.this_computer {
            return Err(Failure::Plain(format!(
                "{} fetches from where its service does; --fetch-from… is for This computer.",
                account.label
            )));
        }
        let (from, from_accounts) = (&args.fetch.from, args.fetch.from_accounts);
        let sources = FetchSources::typed(from, from_accounts, plain_http(args.plain_http))?;
        session.engine.set_fetch_sources(sources).await?;
        print(&session.engine.account_view(&account.id).await?, out)?;
        return session.end().await;
    }
    let edit = AccountEdit {
        label: args.label,
        gateway: if args.no_gateway { Some(String::new()) } else { args.gateway },
        plain_http: plain_http(args.plain_http),
    };
    let view = session.engine.edit_account(&account.id, edit).await?;
    print(&view, out)?;
    session.end().await
}

async fn remove(name: &str, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::open(home).await?;
    let account = session.engine.account_named(name).await?;
    let secret = session.engine.remove_account(&account.id).await?;
    let is_left = secret == SecretRemoval::WhenKeyringAnswers;
    let removed = Removed { id: &account.id.0, label: &account.label, removed: true, secret_left: is_left };
    out.result(&removed, || format!("Removed {}. What is pinned there stays pinned.", account.label))?;
    if is_left {
        complain(
            "the keyring does not answer, so the secret is still in it; Holdfast takes it out as soon as the keyring does",
            None,
        );
    }
    session.end().await
}

async fn list(home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let session = Session::open(home).await?;
    let views = session.engine.accounts().await?;
    let rows: Vec<Row<'_>> = views.iter().map(row).collect();
    out.result(&rows, || views.iter().map(describe).collect::<Lines>())?;
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

fn plain_http(is_accepted: bool) -> PlainHttp {
    if is_accepted { PlainHttp::Accepted } else { PlainHttp::Refused }
}

/// What the service knows the user by: as was said, else in the usual form of such services.
fn credentials(
    kind: ProviderKind,
    known_by: KnownBy,
    preset: Option<&Preset>,
    from_stdin: bool,
) -> Result<Credentials, Failure> {
    let (form, name) = match known_by {
        KnownBy { key: Some(key), .. } => (CredentialKind::KeyAndSecret, key),
        KnownBy { user: Some(user), .. } => (CredentialKind::Login, user),
        KnownBy { token: true, .. } => (CredentialKind::Token, String::new()),
        _ => (kind.credentials().first().copied().unwrap_or(CredentialKind::None), String::new()),
    };
    if !kind.credentials().contains(&form) {
        let wanted = kind.credentials().iter().map(|form| option_of(*form)).collect::<Vec<_>>().join(", or ");
        return Err(Failure::Plain(format!("A service of the kind {} wants {wanted}.", kind.as_str())));
    }
    if form == CredentialKind::KeyAndSecret && name.is_empty() {
        return Err(Failure::Plain("Say which key with --key; the secret that belongs to it is asked for.".into()));
    }
    let label = match form {
        CredentialKind::Login => "Password",
        CredentialKind::Token => preset.map_or("Token", |preset| preset.secret_label),
        CredentialKind::KeyAndSecret | CredentialKind::None => "Secret",
    };
    let credentials = match form {
        CredentialKind::None => Ok(Credentials::None),
        CredentialKind::KeyAndSecret => Credentials::key_and_secret(&name, &read_secret(label, from_stdin)?),
        CredentialKind::Token => Credentials::token(&read_secret(label, from_stdin)?),
        CredentialKind::Login => Credentials::login(&name, &without_line_end(&read_secret(label, from_stdin)?)),
    };
    credentials.map_err(Failure::Plain)
}

const fn option_of(form: CredentialKind) -> &'static str {
    match form {
        CredentialKind::None => "nothing",
        CredentialKind::KeyAndSecret => "--key",
        CredentialKind::Token => "--token",
        CredentialKind::Login => "--user",
    }
}

/// A password may have spaces at its end, but the line break after it on standard input is not part of it.
fn without_line_end(password: &SecretString) -> SecretString {
    password.expose_secret().trim_end_matches(['\r', '\n']).into()
}

impl From<Kind> for ProviderKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Aioz => Self::Aioz,
            Kind::Psa => Self::Psa,
            Kind::Kubo => Self::Kubo,
            Kind::Cluster => Self::Cluster,
        }
    }
}

#[derive(Serialize)]
struct PresetRow {
    name: &'static str,
    kind: &'static str,
    endpoint: &'static str,
    gateway: Option<&'static str>,
    credentials: &'static [CredentialKind],
    help: &'static str,
    help_url: Option<&'static str>,
}

fn presets(out: Output) -> Result<(), Failure> {
    let rows = PRESETS.each_ref().map(|preset| PresetRow {
        name: preset.name,
        kind: preset.kind.as_str(),
        endpoint: preset.endpoint,
        gateway: preset.gateway,
        credentials: preset.credentials(),
        help: preset.help,
        help_url: preset.help_url,
    });
    let describe = |row: &PresetRow| {
        let mut lines = vec![format!("{}  ({})  {}", row.name, row.kind, row.endpoint), format!("  {}", row.help)];
        lines.extend(row.help_url.map(|url| format!("  {url}")));
        lines
    };
    let paragraphs = || rows.iter().map(describe).collect::<Vec<_>>().join(&String::new());
    Ok(out.result(&rows, paragraphs)?)
}

fn read_secret(label: &str, from_stdin: bool) -> Result<SecretString, Failure> {
    if !from_stdin {
        let typed = Zeroizing::new(rpassword::prompt_password(format!("{label}: "))?);
        return Ok(typed.as_str().into());
    }
    // Never moved while it grows, which would leave a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_SECRET_BYTES + 1));
    stdin_unbuffered()?.take(MAX_SECRET_BYTES as u64).read_to_string(&mut text)?;
    Ok(text.as_str().into())
}

/// Standard input without a buffer of its own, which would keep what was read.
#[cfg(unix)]
fn stdin_unbuffered() -> io::Result<impl Read> {
    use std::os::fd::AsFd;
    Ok(std::fs::File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn stdin_unbuffered() -> io::Result<impl Read> {
    Ok(io::stdin())
}

//! `holdfast account add|edit|ls|presets|rm|test`; `check` is in `account_card`, `import-kubo` in `account_import`.

use holdfast_core::{
    SecretRemoval,
    account::{AccountDraft, AccountEdit, AccountState, Keep, PRESETS, PlainHttp, Preset, ProviderKind},
    gateway::FetchSources,
    vault::{CredentialKind, Credentials},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::{
    account_card, account_import,
    account_row::{Row, describe, print, row},
};
use crate::{
    Failure,
    args::{AccountAddArgs, AccountCommand, AccountEditArgs, Kind, KnownBy},
    caller::{Caller, SecretFrom},
    output::Lines,
    session::Session,
};

#[derive(Serialize)]
struct Removed<'a> {
    id: &'a str,
    label: &'a str,
    removed: bool,
    /// The keyring has its secret until it answers.
    secret_left: bool,
}

pub(crate) async fn run(command: AccountCommand, caller: &Caller) -> Result<(), Failure> {
    match command {
        AccountCommand::Add(args) => add(args, caller).await,
        AccountCommand::Presets => presets(caller),
        AccountCommand::Check { account } => account_card::run(&account, caller).await,
        AccountCommand::ImportKubo(args) => account_import::run(args, caller).await,
        AccountCommand::Ls => list(caller).await,
        AccountCommand::Edit(args) => edit(args, caller).await,
        AccountCommand::Rm { account } => remove(&account, caller).await,
        AccountCommand::Test { account } => test(&account, caller).await,
    }
}

async fn add(args: AccountAddArgs, caller: &Caller) -> Result<(), Failure> {
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
    let session = Session::open(caller).await?;
    let from = if args.secret_stdin { SecretFrom::Stdin } else { SecretFrom::Prompt };
    let draft = AccountDraft {
        label,
        kind,
        endpoint,
        gateway: args.gateway,
        credentials: credentials(kind, args.known_by, preset, from, caller).await?,
        plain_http: plain_http(args.plain_http),
    };
    let view = session.engine.add_account(draft, Keep::Keyring).await?;
    print(&view, caller)?;
    session.end().await
}

async fn edit(args: AccountEditArgs, caller: &Caller) -> Result<(), Failure> {
    // That account is there once its service has run.
    let session =
        if args.fetch.is_said() { Session::with_service(caller).await? } else { Session::open(caller).await? };
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
        print(&session.engine.account_view(&account.id).await?, caller)?;
        return session.end().await;
    }
    let edit = AccountEdit {
        label: args.label,
        gateway: if args.no_gateway { Some(String::new()) } else { args.gateway },
        plain_http: plain_http(args.plain_http),
    };
    let view = session.engine.edit_account(&account.id, edit).await?;
    print(&view, caller)?;
    session.end().await
}

async fn remove(name: &str, caller: &Caller) -> Result<(), Failure> {
    let session = Session::open(caller).await?;
    let account = session.engine.account_named(name).await?;
    let secret = session.engine.remove_account(&account.id).await?;
    let is_left = secret == SecretRemoval::WhenKeyringAnswers;
    let removed = Removed { id: &account.id.0, label: &account.label, removed: true, secret_left: is_left };
    caller.result(&removed, || format!("Removed {}. What is pinned there stays pinned.", account.label))?;
    if is_left {
        caller.complain(
            "the keyring does not answer, so the secret is still in it; Holdfast takes it out as soon as the keyring does",
            None,
        );
    }
    session.end().await
}

async fn list(caller: &Caller) -> Result<(), Failure> {
    let session = Session::open(caller).await?;
    let views = session.engine.accounts().await?;
    let rows: Vec<Row<'_>> = views.iter().map(row).collect();
    caller.result(&rows, || views.iter().map(describe).collect::<Lines>())?;
    session.end().await
}

async fn test(name: &str, caller: &Caller) -> Result<(), Failure> {
    let session = Session::with_service(caller).await?;
    let account = session.engine.account_named(name).await?;
    let view = session.engine.check_account(&account.id).await?;
    print(&view, caller)?;
    let failed = matches!(view.state, AccountState::Failed { .. });
    session.end().await?;
    if failed { Err(Failure::Partial) } else { Ok(()) }
}

fn plain_http(is_accepted: bool) -> PlainHttp {
    if is_accepted { PlainHttp::Accepted } else { PlainHttp::Refused }
}

/// What the service knows the user by: as was said, else in the usual form of such services.
async fn credentials(
    kind: ProviderKind,
    known_by: KnownBy,
    preset: Option<&Preset>,
    from: SecretFrom,
    caller: &Caller,
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
        CredentialKind::KeyAndSecret => Credentials::key_and_secret(&name, &caller.secret(label, from).await?),
        CredentialKind::Token => Credentials::token(&caller.secret(label, from).await?),
        CredentialKind::Login => Credentials::login(&name, &without_line_end(&caller.secret(label, from).await?)),
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

fn presets(caller: &Caller) -> Result<(), Failure> {
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
    Ok(caller.result(&rows, paragraphs)?)
}

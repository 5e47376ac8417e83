//! `holdfast serve keys`: works whether the service runs or not.

use holdfast_core::Home;
use holdfast_embedded::OWNER;
use holdfast_service::{KeyInfo, KeyRing, Scopes};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::{Failure, args::KeysCommand, caller::Caller, output::Lines};

#[derive(Serialize)]
struct Listed {
    id: String,
    owner: String,
    name: String,
    key: Option<String>,
    scopes: Vec<String>,
    created: String,
}

#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    key: Listed,
    secret: &'a str,
    /// The bearer token of the Pinning Service API.
    token: &'a str,
}

#[derive(Serialize)]
struct Revoked {
    id: String,
}

impl Listed {
    fn new(key: &KeyInfo) -> Self {
        Self {
            id: key.id.to_string(),
            owner: key.owner.clone(),
            name: key.name.clone(),
            key: key.key.clone(),
            scopes: key.scopes.to_string().split_whitespace().map(str::to_owned).collect(),
            created: key.created_text(),
        }
    }

    fn describe(&self) -> String {
        format!("{}  {}  {}  {}  {}", self.id, self.owner, self.name, self.scopes.join(","), self.created)
    }
}

pub(crate) async fn run(command: KeysCommand, caller: &Caller) -> Result<(), Failure> {
    let caller = caller.clone();
    let work = move || run_blocking(command, &caller);
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

fn run_blocking(command: KeysCommand, caller: &Caller) -> Result<(), Failure> {
    let dir = caller.home().or_else(Home::default_dir);
    let dir = dir.ok_or_else(|| Failure::Plain("There is no home directory; say which with --home.".into()))?;
    // Not taken: whoever runs the service has it.
    let service = std::path::absolute(dir)?.join("service");
    if !service.join("service.db").exists() && !service.join("blocks").exists() {
        return Err(Failure::Plain(format!(
            "There is no pinning service in {}; holdfast serve makes one.",
            service.display()
        )));
    }
    let keys = KeyRing::open(&service)?;
    match command {
        KeysCommand::List => {
            let listed: Vec<_> = keys.list()?.iter().map(Listed::new).collect();
            caller.result(&listed, || listed.iter().map(Listed::describe).collect::<Lines>())?;
        }
        KeysCommand::New { owner, quota, scope, name } => {
            let scopes = if scope.is_empty() { Scopes::all() } else { Scopes::from_iter(scope) };
            let name = name.map_or_else(|| free_name(&keys), Ok)?;
            let owner = owner.map_or_else(|| new_owner(&keys, &name), Ok)?;
            if let Some(quota) = quota {
                keys.set_quota(&owner, quota)?;
            }
            let (info, key) = keys.create(&owner, &name, &scopes)?;
            let secret = key.secret.expose_secret();
            let made = Made { key: Listed::new(&info), secret, token: secret };
            caller.result(&made, || {
                vec![
                    format!("id        {}", info.id),
                    format!("owner     {}", info.owner),
                    format!("key       {}", key.key),
                    format!("secret    {secret}"),
                    "The secret is printed this once and kept nowhere: write it down. It also is the access token of the \
                     Pinning Service API."
                        .into(),
                ]
            })?;
        }
        KeysCommand::Revoke { id } => {
            if !keys.revoke(id)? {
                return Err(Failure::Plain(format!("There is no key {id}.")));
            }
            caller.result(&Revoked { id: id.to_string() }, || format!("The key {id} is valid no more."))?;
        }
    }
    Ok(())
}

/// A key of its own is a quota of its own: an owner that is there already would share theirs.
fn new_owner(keys: &KeyRing, name: &str) -> Result<String, Failure> {
    // The owner of this home's key exists from the first run of the service on, and has no quota.
    if name == OWNER || keys.has_owner(name)? {
        return Err(Failure::Plain(format!(
            "There is an owner {name} already. Call the key otherwise, or say --owner {name} for another key to the same pins."
        )));
    }
    Ok(name.into())
}

fn free_name(keys: &KeyRing) -> Result<String, Failure> {
    let mut number = 1_u64;
    loop {
        let name = format!("key-{number}");
        if !keys.has_owner(&name)? {
            return Ok(name);
        }
        number += 1;
    }
}

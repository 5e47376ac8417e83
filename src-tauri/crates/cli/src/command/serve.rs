//! `holdfast serve`

use std::path::Path;

use holdfast_service::{ApiKey, Quota, RunningService, Service, ServiceConfig};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::{
    Failure,
    args::{ServeArgs, ServeCommand},
    caller::Caller,
    command::{
        serve_keys,
        serve_options::write_private,
        serve_store::{self, Task},
    },
    session::open_home,
};

/// Who has the home meanwhile, as others are told.
pub(crate) const HAS_HOME: &str = "holdfast serve";

/// The file whose presence says that a lasting key was made and printed.
const KEY_PRINTED: &str = "key-printed";

#[derive(Serialize)]
struct Serving<'a> {
    endpoint: String,
    gateway: String,
    key: &'a str,
    secret: &'a str,
    /// Where the Pinning Service API is.
    psa: String,
    /// Its bearer token: the secret by itself.
    token: &'a str,
}

pub(crate) async fn run(args: ServeArgs, caller: &Caller) -> Result<(), Failure> {
    match args.command {
        Some(ServeCommand::Keys(keys)) => return serve_keys::run(keys, caller).await,
        Some(ServeCommand::Gc) => return serve_store::run(Task::Collect, caller).await,
        Some(ServeCommand::Stats) => return serve_store::run(Task::Stats, caller).await,
        Some(ServeCommand::Check) => return serve_store::run(Task::Check, caller).await,
        None => {}
    }
    args.server.check()?;
    let home = open_home(HAS_HOME, caller)?;
    let mut config = ServiceConfig::new(home.service_dir());
    args.server.apply(&mut config);
    config.quota = args.quota;
    config.gateways = args.fetch_from.into();
    config.private_origins = args.private_origins;
    config.disk_reserve_bytes = args.disk_reserve;
    if let Some(warning) = args.server.warning() {
        caller.note(&warning);
    }
    let service = Service::start(config).await?;
    service.set_quota(holdfast_embedded::OWNER, Quota::Unlimited).await?;
    if let Some(file) = &args.server.key_file {
        return serve_with_key_file(service, file, caller).await;
    }
    let printed = home.service_dir().join(KEY_PRINTED);
    let is_lasting = args.new_key || !printed.exists();
    let key = if is_lasting {
        let key = service.create_key(holdfast_embedded::OWNER, "serve").await?;
        std::fs::write(&printed, "")?;
        key
    } else {
        let key = ApiKey::random()?;
        service.install_key(holdfast_embedded::OWNER, &key.key, key.secret.clone()).await?;
        key
    };
    let serving = Serving {
        endpoint: service.endpoint(),
        gateway: service.gateway(),
        key: &key.key,
        secret: key.secret.expose_secret(),
        psa: format!("{}/psa", service.endpoint()),
        token: key.secret.expose_secret(),
    };
    caller.result(&serving, || describe(&serving, is_lasting))?;
    end(service, caller).await
}

#[derive(Serialize)]
struct ServingQuietly {
    endpoint: String,
    gateway: String,
}

/// Prints no secret: for where standard output is kept in a log.
async fn serve_with_key_file(service: RunningService, file: &Path, caller: &Caller) -> Result<(), Failure> {
    let serving = ServingQuietly { endpoint: service.endpoint(), gateway: service.gateway() };
    if !file.exists() {
        let key = service.create_key(holdfast_embedded::OWNER, "serve").await?;
        let (endpoint, gateway) = (serving.endpoint.clone(), serving.gateway.clone());
        let secret = key.secret.expose_secret();
        let psa = format!("{endpoint}/psa");
        let serving = Serving { endpoint, gateway, key: &key.key, secret, psa, token: secret };
        let written = serde_json::to_string_pretty(&serving);
        write_private(file, &written.map_err(std::io::Error::from)?)?;
    }
    caller.result(&serving, || {
        vec![format!("endpoint  {}", serving.endpoint), format!("gateway   {}/ipfs/CID", serving.gateway)]
    })?;
    end(service, caller).await
}

async fn end(service: RunningService, caller: &Caller) -> Result<(), Failure> {
    caller.ended().await?;
    if !caller.is_json() {
        caller.note("Ending.");
    }
    Ok(service.shutdown().await?)
}

fn describe(serving: &Serving<'_>, is_lasting: bool) -> Vec<String> {
    let lasting = if is_lasting {
        "This key stays valid. The secret is printed this once and kept nowhere: write it down."
    } else {
        "This key is for this run; the one that was printed first stays valid. --new-key makes another that does."
    };
    vec![
        format!("endpoint  {}", serving.endpoint),
        format!("gateway   {}/ipfs/CID", serving.gateway),
        format!("key       {}", serving.key),
        format!("secret    {}", serving.secret),
        lasting.into(),
        format!("The Pinning Service API is at {}; its access token is the secret.", serving.psa),
    ]
}

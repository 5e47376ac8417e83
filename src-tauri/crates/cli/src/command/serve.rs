//! `holdfast serve`

use std::path::PathBuf;

use holdfast_cli::this_computer::OWNER;
use holdfast_service::{ApiKey, PortChoice, Quota, Service, ServiceConfig};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::{
    Failure,
    args::{ServeArgs, ServeCommand},
    command::{
        serve_keys,
        serve_store::{self, Task},
    },
    output::{Output, note},
    session::open_home,
};

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

pub(crate) async fn run(args: ServeArgs, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    match args.command {
        Some(ServeCommand::Keys(keys)) => return serve_keys::run(keys, home, out).await,
        Some(ServeCommand::Gc) => return serve_store::run(Task::Collect, home, out).await,
        Some(ServeCommand::Stats) => return serve_store::run(Task::Stats, home, out).await,
        Some(ServeCommand::Check) => return serve_store::run(Task::Check, home, out).await,
        None => {}
    }
    if !args.listen.ip().is_loopback() {
        return Err(Failure::Plain(format!(
            "{} can be reached from other computers, and this service speaks without encryption; listen on 127.0.0.1 and \
             put a TLS proxy in front of it.",
            args.listen.ip()
        )));
    }
    let home = open_home(home, "holdfast serve")?;
    let mut config = ServiceConfig::new(home.service_dir());
    config.listen = args.listen.ip();
    config.port = match args.listen.port() {
        0 => PortChoice::Any,
        port => PortChoice::Exactly(port),
    };
    config.quota = args.quota;
    config.gateways = args.fetch_from;
    config.private_origins = args.private_origins;
    config.disk_reserve_bytes = args.disk_reserve;
    let service = Service::start(config).await?;
    service.set_quota(OWNER, Quota::Unlimited).await?;
    let printed = home.service_dir().join(KEY_PRINTED);
    let is_lasting = args.new_key || !printed.exists();
    let key = if is_lasting {
        let key = service.create_key(OWNER, "serve").await?;
        std::fs::write(&printed, "")?;
        key
    } else {
        let key = ApiKey::random()?;
        service.install_key(OWNER, &key.key, key.secret.clone()).await?;
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
    out.result(&serving, || describe(&serving, is_lasting))?;
    interrupted().await?;
    if !out.is_json() {
        note("Ending.");
    }
    Ok(service.shutdown().await?)
}

fn describe(serving: &Serving<'_>, is_lasting: bool) -> String {
    let lasting = if is_lasting {
        "This key stays valid. The secret is printed this once and kept nowhere: write it down."
    } else {
        "This key is for this run; the one that was printed first stays valid. --new-key makes another that does."
    };
    format!(
        "endpoint  {}\ngateway   {}/ipfs/CID\nkey       {}\nsecret    {}\n{lasting}\n\
         The Pinning Service API is at {}; its access token is the secret.",
        serving.endpoint, serving.gateway, serving.key, serving.secret, serving.psa
    )
}

#[cfg(unix)]
async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

//! The account *This computer*: a pinning service of the home's own, on loopback.

use std::time::Duration;

use holdfast_core::{Engine, Error, ThisComputer, account::AccountView, vault::Credentials};
use holdfast_service::{ApiKey, PortChoice, Quota, RunningService, Service, ServiceConfig, ServiceError};
use secrecy::ExposeSecret;
use url::Url;

/// Whose pins those of the embedded service are, whatever key it is spoken to with.
pub const OWNER: &str = "home";

/// How long the keyring may take to give the keys of before.
const LONGEST_ASK: Duration = Duration::from_secs(3);

/// Why *This computer* is not there.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] Error),
    /// The service gave an address that is no URL.
    #[error("the embedded service has no usable address: {0}")]
    Address(#[from] url::ParseError),
    /// Its keys cannot be used.
    #[error("{0}")]
    Keys(String),
}

/// Starts the engine's own service and tells the engine where it is. It takes the port that it had before if that is
/// free, so that links to its gateway stay valid.
///
/// # Errors
/// [`StartError`].
pub async fn start(engine: &Engine) -> Result<(RunningService, AccountView), StartError> {
    let last_port = engine.last_endpoint_of_this_computer().await?.and_then(|endpoint| endpoint.port());
    let mut config = ServiceConfig::new(engine.home().service_dir());
    config.port = last_port.map_or(PortChoice::Any, PortChoice::Preferably);
    let service = Service::start(config).await?;
    service.set_quota(OWNER, Quota::Unlimited).await?;
    let ApiKey { key, secret } = keys(engine).await?;
    service.install_key(OWNER, &key, secret.clone()).await?;
    let credentials = Credentials::key_and_secret(&key, &secret).map_err(StartError::Keys)?;
    let account = engine
        .set_this_computer(ThisComputer {
            endpoint: Url::parse(&service.endpoint())?,
            gateway: Url::parse(&service.gateway())?,
            credentials,
        })
        .await?;
    Ok((service, account))
}

/// The keys of before. Without a keyring that answers new ones do as well: the service's pins belong to the home, not to a key.
async fn keys(engine: &Engine) -> Result<ApiKey, StartError> {
    let kept = tokio::time::timeout(LONGEST_ASK, engine.keys_of_this_computer()).await;
    if let Ok(Ok(Some(Credentials::KeyAndSecret { key, secret }))) = kept {
        return Ok(ApiKey { key: key.expose_secret().into(), secret });
    }
    Ok(ApiKey::random()?)
}

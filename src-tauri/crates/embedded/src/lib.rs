//! The account *This computer*: a pinning service of the home's own, on loopback, which neither engine nor service knows of.

use holdfast_core::{Engine, Error, ThisComputer, account::AccountView, vault::Credentials};
use holdfast_service::{ApiKey, PortChoice, Quota, RunningService, Service, ServiceConfig, ServiceError};
use url::Url;

/// Whose pins those of the embedded service are, whatever key it is spoken to with.
pub const OWNER: &str = "home";

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

/// Starts the engine's own service and tells the engine where it is, or why it is not. It takes the port that it had at
/// first if that is free, so that links to its gateway stay valid; its keys are new each time.
///
/// # Errors
/// [`StartError`].
pub async fn start(engine: &Engine) -> Result<(RunningService, AccountView), StartError> {
    let started = try_start(engine).await;
    if let Err(error) = &started {
        engine.this_computer_cannot_run(error.to_string());
    }
    started
}

async fn try_start(engine: &Engine) -> Result<(RunningService, AccountView), StartError> {
    let last_port = engine.port_of_this_computer().await?;
    let mut config = ServiceConfig::new(engine.home().service_dir());
    config.gateways = engine.gateways_to_ask().into();
    config.port = last_port.map_or(PortChoice::Any, PortChoice::Preferably);
    let service = Service::start(config).await?;
    service.set_quota(OWNER, Quota::Unlimited).await?;
    let ApiKey { key, secret } = ApiKey::random()?;
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

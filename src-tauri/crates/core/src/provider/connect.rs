//! The real network: adapters that speak HTTP.

use std::{sync::Arc, time::Duration};

use url::Url;

use super::{Connect, Provider, aioz::Aioz, cluster::Cluster, http::LONGEST_SILENCE, kubo::Kubo, psa::Psa};
use crate::{
    account::{Account, Preset, ProviderKind},
    entropy::Entropy,
    error::Error,
    gateway::{Gateway, HttpGateway},
    vault::Credentials,
};

/// Makes HTTP adapters.
#[derive(Clone)]
pub struct HttpConnect {
    entropy: Arc<dyn Entropy>,
    silence: Duration,
}

impl std::fmt::Debug for HttpConnect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpConnect").finish_non_exhaustive()
    }
}

impl HttpConnect {
    /// `entropy` gives the boundaries of multipart bodies.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, silence: LONGEST_SILENCE }
    }

    /// With another time after which a connection without a sign of life is given up.
    #[must_use]
    pub fn with_silence(self, silence: Duration) -> Self {
        Self { silence, ..self }
    }
}

impl Connect for HttpConnect {
    fn connect(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, Error> {
        let (endpoint, silence) = (account.endpoint.clone(), self.silence);
        Ok(match account.kind {
            ProviderKind::Aioz => {
                let empty_files = !refuses_empty_files(&endpoint);
                Arc::new(Aioz::new(endpoint, &credentials, empty_files, Arc::clone(&self.entropy), silence)?)
            }
            ProviderKind::Psa => Arc::new(Psa::new(endpoint, &credentials, silence)?),
            ProviderKind::Kubo => Arc::new(Kubo::new(endpoint, &credentials, Arc::clone(&self.entropy), silence)?),
            ProviderKind::Cluster => {
                Arc::new(Cluster::new(endpoint, &credentials, Arc::clone(&self.entropy), silence)?)
            }
        })
    }

    fn gateway(&self, base: &Url) -> Result<Arc<dyn Gateway>, Error> {
        Ok(Arc::new(HttpGateway::new(base, self.silence)?))
    }
}

fn refuses_empty_files(endpoint: &Url) -> bool {
    Preset::of(ProviderKind::Aioz, endpoint).is_some_and(|preset| preset.refuses_empty_files)
}

//! The real network: adapters that speak HTTP.

use std::{sync::Arc, time::Duration};

use url::Url;

use super::{
    Connect, Provider, ProviderError,
    aioz::Aioz,
    bounded::{Bounded, MAX_LIST_BYTES},
    cluster::Cluster,
    http::Timing,
    kubo::Kubo,
    psa::Psa,
};
use crate::{
    account::{Account, Preset, ProviderKind},
    clock::Clock,
    entropy::Entropy,
    gateway::{Gateway, GatewayError, HttpGateway},
    vault::Credentials,
};

/// Makes HTTP adapters.
#[derive(Clone)]
pub struct HttpConnect {
    entropy: Arc<dyn Entropy>,
    timing: Timing,
    list_bytes: u64,
}

impl std::fmt::Debug for HttpConnect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpConnect").finish_non_exhaustive()
    }
}

impl HttpConnect {
    /// `entropy` gives the boundaries of multipart bodies; by `clock` it rests when services ask for that.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>, clock: Arc<dyn Clock>) -> Self {
        Self { entropy, timing: Timing::new(clock), list_bytes: MAX_LIST_BYTES }
    }

    /// With another time after which a connection without a sign of life is given up.
    #[must_use]
    pub fn with_silence(self, silence: Duration) -> Self {
        Self { timing: Timing { silence, ..self.timing }, ..self }
    }

    /// With other pauses before a page of a list is asked for again; as many as there are more tries.
    #[must_use]
    pub fn with_page_pauses(self, page_pauses: &'static [Duration]) -> Self {
        Self { timing: Timing { page_pauses, ..self.timing }, ..self }
    }

    /// With another limit of what one list may say, in bytes.
    #[must_use]
    pub fn with_list_bytes(self, list_bytes: u64) -> Self {
        Self { list_bytes, ..self }
    }

    fn bounded(&self, adapter: impl Provider + 'static) -> Arc<dyn Provider> {
        Arc::new(Bounded { adapter, list_bytes: self.list_bytes })
    }
}

impl Connect for HttpConnect {
    fn connect(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, ProviderError> {
        let (endpoint, timing) = (account.endpoint.clone(), self.timing.clone());
        let entropy = Arc::clone(&self.entropy);
        Ok(match account.kind {
            ProviderKind::Aioz => {
                let empty_files = !refuses_empty_files(&endpoint);
                self.bounded(Aioz::new(endpoint, &credentials, empty_files, entropy, timing)?)
            }
            ProviderKind::Psa => self.bounded(Psa::new(endpoint, &credentials, timing)?),
            ProviderKind::Kubo => self.bounded(Kubo::new(endpoint, &credentials, entropy, timing)?),
            ProviderKind::Cluster => self.bounded(Cluster::new(endpoint, &credentials, entropy, timing)?),
        })
    }

    fn gateway(&self, base: &Url) -> Result<Arc<dyn Gateway>, GatewayError> {
        Ok(Arc::new(HttpGateway::new(base, &self.timing)?))
    }
}

fn refuses_empty_files(endpoint: &Url) -> bool {
    Preset::of(ProviderKind::Aioz, endpoint).is_some_and(|preset| preset.refuses_empty_files)
}

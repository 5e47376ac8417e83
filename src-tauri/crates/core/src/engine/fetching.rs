//! Where *This computer* may fetch what it is asked to pin by CID.

use holdfast_content::Cid;
use tokio::sync::watch;
use url::Url;

use super::{Change, Engine, Shared, Which};
use crate::{account::Account, error::Error, gateway::FetchSources};

/// The setting with what the person agreed to.
const FETCH_SOURCES: &str = "fetch_sources";

impl Engine {
    /// What the person agreed to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fetch_sources(&self) -> Result<FetchSources, Error> {
        self.shared.fetch_sources().await
    }

    /// Keeps what the person agrees to from now on. What is taken back is asked no more when this returns.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_fetch_sources(&self, sources: FetchSources) -> Result<(), Error> {
        self.shared.store.set_setting(FETCH_SOURCES, sources.kept()).await?;
        self.shared.renew_gateways_to_ask().await?;
        self.shared.announce(Change::Accounts(Which::Many));
        Ok(())
    }

    /// The gateways that the service on this computer may ask, as they are at any time.
    #[must_use]
    pub fn gateways_to_ask(&self) -> watch::Receiver<Vec<Url>> {
        self.shared.gateways_to_ask.subscribe()
    }
}

impl Shared {
    /// Whether an account can get that content, as far as can be told without asking others for it.
    ///
    /// # Errors
    /// [`Error::FetchesFromNowhere`].
    pub(crate) async fn can_get(&self, account: &Account, cid: Cid) -> Result<(), Error> {
        if !account.this_computer || !self.gateways_to_ask.borrow().is_empty() {
            return Ok(());
        }
        let Some(base) = &account.gateway else { return Ok(()) };
        match self.ports.connect.gateway(base)?.block(&cid, &cid).await {
            // What it holds as a part of other content it need not fetch.
            Ok(None) => Err(Error::FetchesFromNowhere),
            Ok(Some(_)) | Err(_) => Ok(()),
        }
    }

    pub(super) async fn fetch_sources(&self) -> Result<FetchSources, Error> {
        let kept = self.store.setting(FETCH_SOURCES).await?;
        Ok(kept.map(|text| FetchSources::from_kept(&text)).unwrap_or_default())
    }

    /// Works out anew which gateways may be asked: after a change of accounts, or of what the person agreed to.
    pub(super) async fn renew_gateways_to_ask(&self) -> Result<(), Error> {
        let sources = self.fetch_sources().await?;
        let mut gateways = sources.gateways;
        if sources.of_accounts {
            let others = self.store.accounts().await?.into_iter().filter(|account| !account.this_computer);
            gateways.extend(others.filter_map(|account| account.gateway));
        }
        let mut each_once = Vec::with_capacity(gateways.len());
        for gateway in gateways {
            if !each_once.contains(&gateway) {
                each_once.push(gateway);
            }
        }
        self.gateways_to_ask.send_replace(each_once);
        Ok(())
    }
}

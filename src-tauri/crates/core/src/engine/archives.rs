//! Sending CAR archives: blocks as they are, for CIDs that no profile gives.

use holdfast_content::same_content;

use super::Engine;
use crate::{
    content::ArchiveBody,
    error::Error,
    ids::AccountId,
    pin::{Metadata, ProviderPin, mirror},
    provider::ProviderError,
    transfer::find,
};

impl Engine {
    /// Sends an archive and gives the account's pin of its root. It is sent at once and once: not through the queue, and
    /// not again by itself.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the service takes no archives or keeps no metadata, [`Error::CidMismatch`] when it pinned
    /// something else, and those of the provider.
    pub async fn import_car(
        &self,
        account: &AccountId,
        name: Option<&str>,
        metadata: &Metadata,
        archive: ArchiveBody,
    ) -> Result<ProviderPin, Error> {
        let account = self.account_for(account, metadata).await?;
        if !self.shared.access.upload_forms(&account).await?.car_archives {
            return Err(Error::InvalidInput(format!("The service of {:?} takes no CAR archives.", account.label)));
        }
        let provider = self.shared.access.provider(&account).await?;
        let root = *archive.root();
        let archive = match account.this_computer {
            true => archive,
            false => archive.throttled(self.shared.up.clone()),
        };
        let pin = match provider.import_car(name, metadata, archive).await {
            Ok(pin) => pin,
            Err(error @ ProviderError::AlreadyExists { .. }) => {
                find::at_provider(&provider, &[root]).await?.ok_or(error)?
            }
            Err(error) => return Err(error.into()),
        };
        if !same_content(&pin.cid, &root) {
            return Err(Error::CidMismatch { ours: root.to_string(), theirs: pin.cid.to_string() });
        }
        // It is there, whether the list can be had or not.
        if let Err(error) = mirror::refresh(&self.shared, &account).await {
            tracing::info!(account = %account.id, %error, "the list after an import cannot be read");
        }
        Ok(pin)
    }
}

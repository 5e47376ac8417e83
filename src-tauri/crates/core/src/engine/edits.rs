//! Changing what a pin is called and what stands beside it, where its service can.

use holdfast_content::same_content;

use super::{Change, Engine, Which, intake::parse_name};
use crate::{
    error::Error,
    ids::PinKey,
    pin::{Metadata, Pin},
    provider::ProviderError,
};

impl Engine {
    /// Gives a pin this name, or none, and this metadata, in place of what it has. Gives the pin as it is then: some services
    /// give it another id.
    ///
    /// # Errors
    /// What is wrong with the request, [`ProviderError::Unsupported`] where the service cannot, or the provider's answer.
    pub async fn edit_pin(&self, key: &PinKey, name: Option<String>, metadata: Metadata) -> Result<Pin, Error> {
        let account = self.account(&key.account).await?;
        let before = self.shared.store.pin(key).await?;
        let before = before.ok_or_else(|| Error::NoSuch { what: "pin", id: key.id.0.clone() })?;
        before.held.all_kept()?;
        // What the service has is right as it is, whoever gave it.
        let name = if name == before.held.name { name } else { name.map(|name| parse_name(&name)).transpose()? };
        let name = name.filter(|name| !name.is_empty());
        if metadata != before.held.metadata {
            self.check_metadata(&account, &metadata)?;
        }
        let since = self.shared.access.moment();
        if !self.shared.access.capabilities(&account).await?.edit {
            return Err(ProviderError::Unsupported { what: "it cannot change a pin" }.into());
        }
        let provider = self.shared.access.provider(&account).await?;
        let answer = provider.edit(&before.held, name.as_deref(), &metadata).await;
        let mut after = match answer {
            Ok(after) => after,
            Err(error) => {
                if matches!(error, ProviderError::NotFound { .. }) || error.leaves_open_what_happened() {
                    self.refresh_later(account);
                }
                let error = Error::from(error);
                self.shared.access.note(&key.account, since, Some(&error));
                self.shared.announce(Change::Accounts(Which::one(key.account.clone())));
                return Err(error);
            }
        };
        self.shared.access.note(&key.account, since, None);
        self.shared.announce(Change::Accounts(Which::one(key.account.clone())));
        if !same_content(&after.cid, &before.held.cid) {
            self.refresh_later(account);
            return Err(Error::OtherCid { asked: before.held.cid.to_string(), theirs: after.cid.to_string() });
        }
        after.bytes = after.bytes.or(before.held.bytes);
        after.is_directory |= before.held.is_directory;
        after.pinned_at = after.pinned_at.or(before.held.pinned_at);
        if after.id != key.id {
            self.shared.unpinned().insert(key.clone());
        }
        let pin = self.shared.store.replace_pin(key, after, self.shared.ports.clock.now()).await?;
        self.shared.announce(Change::Pins([key.clone(), pin.key()].into_iter().collect()));
        Ok(pin)
    }
}

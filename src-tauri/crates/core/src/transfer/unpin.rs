//! Unpinning: that the pin is gone already is what the user wanted.

use crate::{
    account::Account,
    engine::Shared,
    error::Error,
    ids::{PinId, PinKey},
    provider::ProviderError,
    store::Finish,
};

/// One try to remove a pin.
pub(super) async fn run(shared: &Shared, account: &Account, id: &PinId) -> Result<Finish, Error> {
    let provider = shared.access.provider(account).await?;
    match provider.unpin(id).await {
        Ok(()) | Err(ProviderError::NotFound { .. }) => {
            let key = PinKey { account: account.id.clone(), id: id.clone() };
            shared.unpinned().insert(key.clone());
            Ok(Finish::Unpinned(key))
        }
        Err(error) => Err(error.into()),
    }
}

//! Unpinning: that the pin is gone already is what the user wanted.

use std::time::Duration;

use crate::{
    account::Account,
    engine::Shared,
    error::Error,
    ids::{PinId, PinKey, UnpinningId},
    provider::ProviderError,
    store::Finish,
};

/// Pins that are to be removed together, and are not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpinning {
    /// What it is undone by.
    pub id: UnpinningId,
    /// How many pins.
    pub pins: u64,
    /// When they begin to be removed, counted from now.
    pub begins_in: Duration,
}

/// What came of undoing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Pins that stay.
    pub pins: u64,
    /// Those whose removal had begun.
    pub begun: u64,
}

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

//! Which pin is meant.

use holdfast_core::account::AccountId;
use holdfast_core::pin::{self, PinId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub(crate) struct PinKey {
    pub(crate) account: String,
    pub(crate) id: String,
}

impl From<PinKey> for pin::PinKey {
    fn from(key: PinKey) -> Self {
        Self { account: AccountId(key.account), id: PinId(key.id) }
    }
}

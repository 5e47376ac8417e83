//! The ids of what Holdfast keeps: opaque, and of a type each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Types for ids that are texts.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// An account's id: made by Holdfast, the user name of its entry in the keyring.
    AccountId
    /// A watched folder's id.
    FolderId
    /// The provider's id of a pin.
    PinId
    /// A transfer's id.
    TransferId
    /// Names pins that are removed together.
    UnpinningId
}

/// What names a pin in Holdfast: ids of different accounts may be equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PinKey {
    /// The account that has it.
    pub account: AccountId,
    /// The provider's id.
    pub id: PinId,
}

//! The ids of what Holdfast keeps: opaque, and of a type each.

use std::{fmt, str::FromStr};

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

/// A batch's id: a number, written `b12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BatchId(pub(crate) i64);

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.0)
    }
}

/// A text that is no batch's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a batch is a b and a number")]
pub struct NoBatchId;

impl FromStr for BatchId {
    type Err = NoBatchId;

    fn from_str(text: &str) -> Result<Self, NoBatchId> {
        let number = text.strip_prefix('b').filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        number.and_then(|digits| digits.parse().ok()).map(Self).ok_or(NoBatchId)
    }
}

impl TryFrom<String> for BatchId {
    type Error = NoBatchId;

    fn try_from(text: String) -> Result<Self, NoBatchId> {
        text.parse()
    }
}

impl From<BatchId> for String {
    fn from(id: BatchId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_batch_is_read_as_it_is_written_and_nothing_else_is() {
        assert_eq!("b12".parse(), Ok(BatchId(12)));
        assert_eq!(BatchId(12).to_string(), "b12");
        for other in ["", "b", "12", "b-1", "b+1", "b1x", "b99999999999999999999", "0b12"] {
            assert_eq!(other.parse::<BatchId>(), Err(NoBatchId), "{other}");
        }
    }
}

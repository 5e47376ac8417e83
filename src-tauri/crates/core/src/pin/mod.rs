//! Pins: what an account holds for a CID, and how they are asked for.

mod known;
pub(crate) mod mirror;
pub(crate) mod pace;
mod query;
pub(crate) mod reading;
mod standing;
mod stuck;

use std::collections::BTreeMap;

use holdfast_content::Cid;
use serde::{Deserialize, Serialize};

use crate::{clock::UnixMillis, error::Error, ids::AccountId};

pub use crate::ids::{PinId, PinKey};
pub(crate) use known::{Fingerprint, Known, PinNumber};
pub(crate) use query::MAX_PAGE_ROWS;
pub use query::{Matching, PinPage, PinQuery, PinSet, PinSort};
pub use standing::{ContentProof, CopyStanding, Standing};

/// Key/value pairs of a pin.
pub type Metadata = BTreeMap<String, String>;

/// Longest name, in bytes; the Pinning Service API's limit, kept for every provider.
pub const MAX_PIN_NAME_BYTES: usize = 255;

/// The status of a pin, in the same words for every provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinStatus {
    /// Accepted, not begun.
    Queued,
    /// The provider is getting the content.
    Fetching,
    /// The provider keeps the file, and pins it when somebody first asks for it.
    Stored,
    /// The provider holds the content.
    Pinned,
    /// The provider gave up.
    Failed,
    /// Removed there.
    Unpinned,
    /// A word that Holdfast does not know.
    Unknown,
}

impl PinStatus {
    /// The status's name in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Fetching => "fetching",
            Self::Stored => "stored",
            Self::Pinned => "pinned",
            Self::Failed => "failed",
            Self::Unpinned => "unpinned",
            Self::Unknown => "unknown",
        }
    }

    /// The status of that name; [`PinStatus::Unknown`] for any other.
    #[must_use]
    pub fn named(name: &str) -> Self {
        [Self::Queued, Self::Fetching, Self::Stored, Self::Pinned, Self::Failed, Self::Unpinned]
            .into_iter()
            .find(|status| status.as_str() == name)
            .unwrap_or(Self::Unknown)
    }

    /// Whether the provider will change it by itself.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Queued | Self::Fetching | Self::Unknown)
    }
}

/// A pin as the provider describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderPin {
    /// The provider's id.
    pub id: PinId,
    /// What is pinned.
    pub cid: Cid,
    /// The name it was given.
    pub name: Option<String>,
    /// Bytes of content, where the provider says.
    pub bytes: Option<u64>,
    /// The status in Holdfast's words.
    pub status: PinStatus,
    /// The status in the provider's.
    pub raw_status: String,
    /// What the provider adds to it.
    pub message: Option<String>,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// When it was pinned, or asked for as long as it is not.
    pub pinned_at: Option<UnixMillis>,
    /// Key/value pairs.
    pub metadata: Metadata,
    /// How much of this the provider says at greater length than is kept.
    pub left_out: LeftOut,
}

impl ProviderPin {
    /// That putting what is kept of it in the place of what the provider has takes nothing away.
    pub(crate) fn all_kept(&self) -> Result<(), Error> {
        match self.left_out.explained() {
            None => Ok(()),
            Some(why) => Err(Error::InvalidInput(format!(
                "{why} To change the pin from here would delete them at the service; change it there."
            ))),
        }
    }

    /// Bytes of its texts.
    pub(crate) fn text_bytes(&self) -> usize {
        let texts = [self.name.as_ref(), self.message.as_ref(), Some(&self.raw_status), Some(&self.id.0)];
        let pairs = self.metadata.iter().map(|(key, value)| key.len() + value.len());
        texts.into_iter().flatten().map(String::len).sum::<usize>() + pairs.sum::<usize>()
    }
}

/// How many of a pin's texts are not kept as its provider has them, for they are too long or too many: pairs that are left out,
/// a name that is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut(pub u64);

impl LeftOut {
    /// None.
    pub const NOTHING: Self = Self(0);

    /// What to say of it, where it is anything.
    #[must_use]
    pub fn explained(self) -> Option<String> {
        let texts = match self.0 {
            0 => return None,
            1 => "one of its texts (the name or a pair of metadata) is".to_owned(),
            more => format!("{more} of its texts (the name or pairs of metadata) are"),
        };
        Some(format!("The service says more of this pin than is kept here: {texts} left out or cut."))
    }
}

/// A pin of the mirror: what the provider said last, and what is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Whose it is.
    pub account: AccountId,
    /// What the provider said.
    pub held: ProviderPin,
    /// What is known of bytes that were read here and its CID, whichever account they were sent to.
    pub content: ContentProof,
    /// What this account's copy was when its service was last asked for its blocks.
    pub copy: Option<CopyStanding>,
}

impl Pin {
    /// The pin's key.
    #[must_use]
    pub fn key(&self) -> PinKey {
        PinKey { account: self.account.clone(), id: self.held.id.clone() }
    }

    /// What is known of it in one word.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        Standing::of(self.content, self.copy)
    }

    /// As it is shown at that time: one that its service has been working on for too long says so.
    pub(crate) fn shown_at(mut self, now: UnixMillis) -> Self {
        stuck::explain(&mut self.held, now);
        if let Some(left_out) = self.held.left_out.explained() {
            self.held.message = Some(match self.held.message.take() {
                Some(said) => format!("{left_out} It says: {said}"),
                None => left_out,
            });
        }
        self
    }

    /// The name to show: the given one, else the CID.
    #[must_use]
    pub fn name(&self) -> String {
        self.held.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| self.held.cid.to_string())
    }
}

/// The record that an account took a CID. Written in one transaction with the end of the transfer that it proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The pin.
    pub pin: PinKey,
    /// The provider's CID.
    pub cid: Cid,
    /// What is known of the bytes read here and that CID.
    pub proof: ContentProof,
    /// The profile under which they have it; what is verified without one is proven by its blocks.
    pub profile: Option<String>,
    /// Why they are not verified, where they were compared.
    pub reason: Option<String>,
    /// When they were last compared.
    pub compared_at: Option<UnixMillis>,
    /// Where the bytes were read.
    pub source: Option<std::path::PathBuf>,
    /// How many.
    pub bytes: u64,
    /// When.
    pub at: UnixMillis,
}

//! What Rust tells the web view unasked.

use holdfast_core::{Changes, Which};
use serde::Serialize;
use ts_rs::TS;

use super::{PinKey, Selection, Shown};

/// Things held over the window, let go on it, or opened with Holdfast.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum DropEvent {
    Enter {
        count: u32,
    },
    /// Where they hang, in the page's pixels.
    Over {
        x: f64,
        y: f64,
    },
    /// They were let go there; what they are is told as they have been looked at.
    LetGo {
        x: f64,
        y: f64,
    },
    Leave,
    Dropped {
        selection: Selection,
    },
    /// A link or a text with a CID in it.
    Cid {
        text: String,
    },
    /// A link or a text that is nothing to pin.
    Text {
        text: Shown,
    },
}

/// What changed since the last time; who shows some of it asks again. What did not is null or false.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub(crate) struct Changed {
    pub(crate) accounts: Option<SomeIds>,
    pub(crate) folders: bool,
    pub(crate) pins: Option<SomePins>,
    pub(crate) settings: bool,
    pub(crate) transfers: Option<SomeIds>,
    pub(crate) troubles: bool,
    pub(crate) unpinnings: bool,
}

/// These, or so many that they are not named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "which", rename_all = "snake_case")]
pub(crate) enum SomeIds {
    These { ids: Vec<String> },
    Many,
}

/// These, or so many that they are not named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "which", rename_all = "snake_case")]
pub(crate) enum SomePins {
    These { pins: Vec<PinKey> },
    Many,
}

impl From<Changes> for Changed {
    fn from(changes: Changes) -> Self {
        Self {
            accounts: changes.accounts.map(|which| some_ids(which, |id| id.0)),
            folders: changes.folders,
            pins: changes.pins.map(|which| match which {
                Which::These(keys) => SomePins::These {
                    pins: keys.into_iter().map(|key| PinKey { account: key.account.0, id: key.id.0 }).collect(),
                },
                Which::Many => SomePins::Many,
            }),
            settings: changes.settings,
            transfers: changes.transfers.map(|which| some_ids(which, |id| id.0)),
            troubles: changes.troubles,
            unpinnings: changes.unpinning,
        }
    }
}

fn some_ids<T: Ord>(which: Which<T>, id: impl Fn(T) -> String) -> SomeIds {
    match which {
        Which::These(ids) => SomeIds::These { ids: ids.into_iter().map(id).collect() },
        Which::Many => SomeIds::Many,
    }
}

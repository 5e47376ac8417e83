//! Pins that are to go: which, how many were confirmed, and what can be undone.

use holdfast_core::pin::{Matching, PinSet as CorePinSet};
use holdfast_core::transfer;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{PinKey, PinQuery};

/// Pins that something is to be done with.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(tag = "which", rename_all = "snake_case")]
pub(crate) enum PinSet {
    Named {
        pins: Vec<PinKey>,
    },
    /// What matches, whatever page the query asks for: all, or from one pin to another in its order; but for some, and with
    /// some others.
    Matching {
        query: PinQuery,
        between: Option<[PinKey; 2]>,
        except: Vec<PinKey>,
        also: Vec<PinKey>,
    },
}

/// `confirmed` is how many they are by what the person was told.
#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct UnpinRequest {
    pub(crate) pins: PinSet,
    pub(crate) confirmed: u64,
}

/// Pins that are to be removed together, and can stay as long as that has not begun.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Unpinning {
    pub(crate) id: String,
    pub(crate) pins: u64,
    /// When it begins, in milliseconds from when this was told.
    pub(crate) begins_in: u64,
}

/// What came of undoing.
#[derive(Clone, Copy, Debug, Serialize, TS)]
pub(crate) struct Undone {
    /// Pins that stay.
    pub(crate) pins: u64,
    /// Those whose removal had begun.
    pub(crate) begun: u64,
}

impl From<PinSet> for CorePinSet {
    fn from(pins: PinSet) -> Self {
        let keys = |keys: Vec<PinKey>| keys.into_iter().map(Into::into).collect();
        match pins {
            PinSet::Named { pins } => Self::Named(keys(pins)),
            PinSet::Matching { query, between, except, also } => Self::Matching(Matching {
                query: query.into(),
                between: between.map(|ends| ends.map(Into::into)),
                except: keys(except),
                also: keys(also),
            }),
        }
    }
}

impl From<transfer::Unpinning> for Unpinning {
    fn from(unpinning: transfer::Unpinning) -> Self {
        let begins_in = u64::try_from(unpinning.begins_in.as_millis()).unwrap_or(u64::MAX);
        Self { id: unpinning.id.0, pins: unpinning.pins, begins_in }
    }
}

impl From<transfer::Undone> for Undone {
    fn from(undone: transfer::Undone) -> Self {
        Self { pins: undone.pins, begun: undone.begun }
    }
}

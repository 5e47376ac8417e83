//! What changed, said so that whoever shows something can tell whether it is that.

use std::collections::BTreeSet;

use crate::ids::{AccountId, PinKey, TransferId};

/// Of more of a kind it is only said that they are many.
const MOST_NAMED: usize = 100;

/// That something is not as it was; whoever shows it asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What accounts are, what they showed, or which there are.
    Accounts(Which<AccountId>),
    /// Watched folders, or what is in them.
    Folders,
    /// Pins came, went, or are said to be something else.
    Pins(Which<PinKey>),
    /// Settings.
    Settings,
    /// Transfers came, went, or stand elsewhere.
    Transfers(Which<TransferId>),
    /// What is wrong with the home as a whole.
    Troubles,
    /// What can be undone.
    Unpinning,
}

/// Which ones of a kind: named, as long as they are few.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which<T: Ord> {
    /// These.
    These(BTreeSet<T>),
    /// More than are named, or nobody knows which.
    Many,
}

/// Changes that are told together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each names what changed")]
pub struct Changes {
    pub accounts: Option<Which<AccountId>>,
    pub folders: bool,
    pub pins: Option<Which<PinKey>>,
    pub settings: bool,
    pub transfers: Option<Which<TransferId>>,
    pub troubles: bool,
    pub unpinning: bool,
}

impl<T: Ord> Which<T> {
    /// One of them.
    #[must_use]
    pub fn one(it: T) -> Self {
        Self::These(BTreeSet::from([it]))
    }

    fn add(&mut self, others: Self) {
        *self = match (std::mem::replace(self, Self::Many), others) {
            (Self::These(mut these), Self::These(others)) => {
                these.extend(others);
                if these.len() > MOST_NAMED { Self::Many } else { Self::These(these) }
            }
            _ => Self::Many,
        };
    }
}

impl<T: Ord> FromIterator<T> for Which<T> {
    fn from_iter<I: IntoIterator<Item = T>>(them: I) -> Self {
        let these: BTreeSet<T> = them.into_iter().take(MOST_NAMED + 1).collect();
        if these.len() > MOST_NAMED { Self::Many } else { Self::These(these) }
    }
}

impl Changes {
    /// Everything, for whoever missed some.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            accounts: Some(Which::Many),
            folders: true,
            pins: Some(Which::Many),
            settings: true,
            transfers: Some(Which::Many),
            troubles: true,
            unpinning: true,
        }
    }

    /// This one too.
    pub fn add(&mut self, change: Change) {
        match change {
            Change::Accounts(which) => add(&mut self.accounts, which),
            Change::Folders => self.folders = true,
            Change::Pins(which) => add(&mut self.pins, which),
            Change::Settings => self.settings = true,
            Change::Transfers(which) => add(&mut self.transfers, which),
            Change::Troubles => self.troubles = true,
            Change::Unpinning => self.unpinning = true,
        }
    }
}

fn add<T: Ord>(known: &mut Option<Which<T>>, which: Which<T>) {
    match known {
        Some(known) => known.add(which),
        None => *known = Some(which),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfers(numbers: std::ops::Range<usize>) -> Change {
        Change::Transfers(numbers.map(|number| TransferId(number.to_string())).collect())
    }

    #[test]
    fn a_few_are_named_and_many_are_only_said_to_be_many() {
        let mut changes = Changes::default();
        changes.add(transfers(0..2));
        changes.add(transfers(1..100));
        let Some(Which::These(these)) = &changes.transfers else { panic!("{changes:?}") };
        assert_eq!(these.len(), 100);
        changes.add(transfers(0..100));
        assert!(matches!(changes.transfers, Some(Which::These(_))), "the same again are no more");
        changes.add(transfers(100..101));
        assert_eq!(changes.transfers, Some(Which::Many));
        changes.add(transfers(0..1));
        assert_eq!(changes.transfers, Some(Which::Many));
        assert_eq!((changes.pins, changes.folders), (None, false));
        assert_eq!(transfers(0..1_000_000), Change::Transfers(Which::Many));
    }
}

//! Lists that are being read, and how far that is.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::ids::AccountId;

/// The accounts whose lists are being read.
#[derive(Debug, Default)]
pub(crate) struct Reading(Mutex<HashMap<AccountId, u64>>);

/// A list that is being read; until this is gone.
#[derive(Debug)]
pub(crate) struct List<'a> {
    reading: &'a Reading,
    account: &'a AccountId,
}

impl Reading {
    /// The list of this account is being read from now on.
    pub(crate) fn begin<'a>(&'a self, account: &'a AccountId) -> List<'a> {
        self.all().insert(account.clone(), 0);
        List { reading: self, account }
    }

    /// Pins of its list that are read; `None` where it is not being read.
    pub(crate) fn of(&self, account: &AccountId) -> Option<u64> {
        self.all().get(account).copied()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<AccountId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List<'_> {
    /// It is read so far.
    pub(crate) fn is_at(&self, pins: u64) {
        self.reading.all().insert(self.account.clone(), pins);
    }
}

impl Drop for List<'_> {
    fn drop(&mut self) {
        self.reading.all().remove(self.account);
    }
}

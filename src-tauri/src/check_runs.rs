//! Runs of checks that the web view asked for, by its own numbers for them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use holdfast_core::CheckRun;

/// Those under way.
#[derive(Debug, Default)]
pub(crate) struct CheckRuns(Mutex<HashMap<u32, CheckRun>>);

/// Takes a run off the list, however it ends; nobody waits for it then.
#[derive(Debug)]
pub(crate) struct Listed<'a>(&'a CheckRuns, u32);

impl CheckRuns {
    pub(crate) fn list(&self, number: u32, run: CheckRun) -> Listed<'_> {
        self.runs().insert(number, run);
        Listed(self, number)
    }

    pub(crate) fn of(&self, number: u32) -> Option<CheckRun> {
        self.runs().get(&number).cloned()
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<u32, CheckRun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        if let Some(run) = self.0.runs().remove(&self.1) {
            run.stop();
        }
    }
}

//! Paths that a person dropped or picked, kept here while the web view decides about them by id.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use holdfast_core::content::Chosen;
use uuid::Uuid;

/// Older selections are forgotten: nobody decides about so many at a time.
const MOST: usize = 32;

/// Selections by id.
#[derive(Debug, Default)]
pub(crate) struct Selections(Mutex<VecDeque<(String, Vec<Chosen>)>>);

impl Selections {
    /// Keeps paths and gives them an id that cannot be guessed.
    pub(crate) fn keep(&self, paths: Vec<Chosen>) -> String {
        let id = Uuid::new_v4().to_string();
        let mut kept = self.kept();
        if kept.len() == MOST {
            kept.pop_front();
        }
        kept.push_back((id.clone(), paths));
        id
    }

    /// The paths of a selection.
    pub(crate) fn paths(&self, id: &str) -> Option<Vec<Chosen>> {
        self.kept().iter().find(|(kept, _)| kept == id).map(|(_, paths)| paths.clone())
    }

    /// Forgets a selection. One that is not there is forgotten already.
    pub(crate) fn forget(&self, id: &str) {
        self.kept().retain(|(kept, _)| kept != id);
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(String, Vec<Chosen>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn chosen() -> Chosen {
        PathBuf::from("/a").into()
    }

    #[test]
    fn a_selection_is_there_until_it_is_forgotten() {
        let selections = Selections::default();
        let id = selections.keep(vec![chosen()]);
        assert_eq!(selections.paths(&id), Some(vec![chosen()]));
        assert_eq!(selections.paths("another"), None);
        selections.forget(&id);
        assert_eq!(selections.paths(&id), None);
    }

    #[test]
    fn only_so_many_are_kept() {
        let selections = Selections::default();
        let first = selections.keep(Vec::new());
        let rest: Vec<_> = (0..MOST).map(|_| selections.keep(Vec::new())).collect();
        assert_eq!(selections.paths(&first), None);
        assert!(rest.iter().all(|id| selections.paths(id).is_some()));
    }
}

//! What is looked at again without an event: what could not be read or watched, what a program still writes to, and what was
//! pinned a short while ago.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::disk::Stat;

/// How often what could not be read is tried again.
pub(super) const RETRY: Duration = Duration::from_secs(5);

/// How often what was pinned lately is looked at, and what the system does not watch.
pub(super) const LOOK: Duration = Duration::from_secs(30);

/// How long after it was taken a file is looked at by itself.
const LATELY: Duration = Duration::from_secs(600);

/// Paths that are kept of each kind; the others wait for the next look at everything.
const MOST: usize = 1_000;

/// See the module.
#[derive(Default)]
pub(super) struct Again {
    unreadable: HashSet<PathBuf>,
    /// Directories that were watched anew because they could not be watched.
    watched_anew: HashSet<PathBuf>,
    /// Directories that can be read and not watched.
    unwatched: HashSet<PathBuf>,
    lately: VecDeque<(PathBuf, Stat, Duration)>,
}

impl Again {
    pub(super) fn cannot_read(&mut self, path: PathBuf) {
        if self.unreadable.len() < MOST {
            self.unreadable.insert(path);
        }
    }

    /// The watch does not cover a directory.
    pub(super) fn cannot_watch(&mut self, path: PathBuf) {
        if !self.watched_anew.contains(&path) {
            self.cannot_read(path);
        } else if self.unwatched.len() < MOST {
            self.unwatched.insert(path);
        }
    }

    pub(super) fn unreadable(&self) -> Vec<PathBuf> {
        self.unreadable.iter().cloned().collect()
    }

    /// A path can be read by now: the watch has to be set anew.
    pub(super) fn can_read(&mut self, path: &Path) {
        self.unreadable.remove(path);
        if self.watched_anew.len() < MOST {
            self.watched_anew.insert(path.into());
        }
    }

    /// Directories that events do not tell of.
    pub(super) fn unwatched(&self) -> impl Iterator<Item = &PathBuf> {
        self.unwatched.iter()
    }

    /// The same in words, where there are any.
    pub(super) fn about_unwatched(&self) -> Option<String> {
        let (first, others) = (self.unwatched.iter().min()?, self.unwatched.len() - 1);
        let others = if others == 0 { String::new() } else { format!(" and {others} more") };
        Some(format!("the system cannot watch {first:?}{others}, where it is looked again and again"))
    }

    /// Another watch was begun.
    pub(super) fn watch_begins(&mut self) {
        self.unwatched.clear();
    }

    /// A file is being taken in that state.
    pub(super) fn taken(&mut self, files: impl IntoIterator<Item = (PathBuf, Stat)>, now: Duration) {
        self.lately.extend(files.into_iter().map(|(path, stat)| (path, stat, now + LATELY)));
        let over = self.lately.len().saturating_sub(MOST);
        self.lately.drain(..over);
    }

    /// What was taken lately, as it was then.
    pub(super) fn lately(&mut self, now: Duration) -> HashMap<PathBuf, Stat> {
        self.lately.retain(|(_, _, until)| *until > now);
        self.lately.iter().map(|(path, stat, _)| (path.clone(), *stat)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_readable_and_still_not_watched_is_only_looked_at() {
        let (mut again, path) = (Again::default(), PathBuf::from("/w/deep"));
        again.cannot_watch(path.clone());
        assert_eq!((again.unreadable().len(), again.unwatched().count()), (1, 0));
        again.can_read(&path);
        again.watch_begins();
        again.cannot_watch(path.clone());
        assert_eq!((again.unreadable().len(), again.unwatched().collect::<Vec<_>>()), (0, vec![&path]));
    }
}

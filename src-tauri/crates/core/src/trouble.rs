//! What is wrong with a home as a whole, for as long as it is: people are told once, and not of each thing that it holds up.

use std::path::PathBuf;

use tokio::sync::watch;

use crate::duty::Duty;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no room for what is to be written down: work waits, and goes on by itself when there is.
    DiskFull,
    /// The same where the system does not let it be written down.
    DiskFails {
        /// What the system said.
        said: String,
    },
    /// The database was found damaged: work waits until Holdfast is started again, and sets it aside.
    Damaged,
    /// The database was damaged, and another is in its place.
    SetAside {
        /// Where the damaged one lies.
        copy: PathBuf,
        /// Whether all but the lists of the services, which are asked for again, could still be read in it.
        is_whole: bool,
    },
    /// Something that Holdfast does by itself has ended with a defect, and is begun again.
    Defect {
        /// What.
        duty: Duty,
        /// How often in a row.
        times: u32,
    },
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Troubles(watch::Sender<Vec<Trouble>>);

impl Troubles {
    /// Follows them.
    pub(crate) fn follow(&self) -> watch::Receiver<Vec<Trouble>> {
        self.0.subscribe()
    }

    /// Adds one, in the place of an earlier one of the same thing. Whether that is any news.
    pub(crate) fn add(&self, trouble: Trouble) -> bool {
        self.0.send_if_modified(|all| match all.iter_mut().find(|other| other.is_of_the_same(&trouble)) {
            Some(other) if *other == trouble => false,
            Some(other) => {
                *other = trouble;
                true
            }
            None => {
                all.push(trouble);
                true
            }
        })
    }

    /// Takes those away that are over. Whether there were any.
    pub(crate) fn end(&self, is_over: impl Fn(&Trouble) -> bool) -> bool {
        self.0.send_if_modified(|all| {
            let before = all.len();
            all.retain(|trouble| !is_over(trouble));
            all.len() < before
        })
    }
}

impl Trouble {
    fn is_of_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Defect { duty, .. }, Self::Defect { duty: other, .. }) => duty == other,
            (Self::DiskFull | Self::DiskFails { .. }, Self::DiskFull | Self::DiskFails { .. }) => true,
            (one, other) => one == other,
        }
    }
}

//! What is wrong with the home as a whole.

use holdfast_core as core;
use serde::Serialize;
use ts_rs::TS;

use super::Shown;

/// What Holdfast does by itself.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "what", content = "id", rename_all = "snake_case")]
pub(crate) enum Duty {
    Queue,
    Lists,
    UnderWay,
    /// Asking the account of that id.
    Account(String),
    Usage,
    Keyring,
    History,
    Limits,
    Database,
    /// Watching the folder of that id.
    Folder(String),
}

#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum HomeTrouble {
    /// There is no room for what is to be written down.
    DiskFull,
    /// The system does not let it be written down.
    DiskFails { said: Shown },
    /// The database is damaged, and is set aside at the next start.
    Damaged,
    /// The database was damaged, and another is in its place.
    SetAside {
        /// Where the damaged one lies.
        copy: Shown,
        /// Whether all but the services' lists could still be read in it.
        whole: bool,
    },
    /// Something has ended with a defect, so many times in a row, and is begun again.
    Defect { duty: Duty, times: u32 },
}

impl From<core::Trouble> for HomeTrouble {
    fn from(trouble: core::Trouble) -> Self {
        match trouble {
            core::Trouble::DiskFull => Self::DiskFull,
            core::Trouble::DiskFails { said } => Self::DiskFails { said: said.into() },
            core::Trouble::Damaged => Self::Damaged,
            core::Trouble::SetAside { copy, is_whole } => {
                Self::SetAside { copy: copy.to_string_lossy().into_owned().into(), whole: is_whole }
            }
            core::Trouble::Defect { duty, times } => Self::Defect { duty: duty.into(), times },
        }
    }
}

impl From<core::Duty> for Duty {
    fn from(duty: core::Duty) -> Self {
        match duty {
            core::Duty::Queue => Self::Queue,
            core::Duty::Lists => Self::Lists,
            core::Duty::UnderWay => Self::UnderWay,
            core::Duty::Account(id) => Self::Account(id.0),
            core::Duty::Usage => Self::Usage,
            core::Duty::Keyring => Self::Keyring,
            core::Duty::History => Self::History,
            core::Duty::Limits => Self::Limits,
            core::Duty::Database => Self::Database,
            core::Duty::Folder(id) => Self::Folder(id.0),
        }
    }
}

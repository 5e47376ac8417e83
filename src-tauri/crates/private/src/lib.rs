//! Keeps what is Holdfast's own from the other users of the computer.
//!
//! | of | take |
//! |---|---|
//! | the files of a whole process | [`Umask::close`], first thing in `main` |
//! | the process' memory | [`leave_no_core`], [`hide_memory`] |
//! | a directory and what is in it | [`PrivateDirectory`] |
//!
//! Where the system's own means suffice (Windows gives each user a folder that others cannot read) nothing is done.

mod directory;
mod process;

pub use directory::{NotOwn, PrivacyError, PrivateDirectory};
pub use process::{Umask, hide_memory, leave_no_core};

//! What the program takes on its command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

/// The Holdfast window: keeps your files pinned on IPFS.
#[derive(Debug, Parser)]
#[command(name = "holdfast-desktop", version, about)]
pub(crate) struct Args {
    /// Where all state is kept [default: the platform's data directory].
    #[arg(long, value_name = "DIR", env = "HOLDFAST_HOME")]
    pub(crate) home: Option<PathBuf>,

    /// What to pin: files, folders, or a link with a CID in it. A window that is open already takes them.
    #[arg(value_name = "FILE")]
    pub(crate) open: Vec<OsString>,
}

//! What the program takes on its command line.

use std::path::PathBuf;

use clap::Parser;

/// The Holdfast window: keeps your files pinned on IPFS.
#[derive(Debug, Parser)]
#[command(name = "holdfast-desktop", version, about)]
pub(crate) struct Args {
    /// Where all state is kept [default: the platform's data directory].
    #[arg(long, value_name = "DIR", env = "HOLDFAST_HOME")]
    pub(crate) home: Option<PathBuf>,
}

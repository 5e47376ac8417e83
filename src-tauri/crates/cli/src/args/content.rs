//! `holdfast cid` and `holdfast car`, as they are typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::NewPinArgs;

/// A kind of entry in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LeaveOut {
    /// Names that begin with a dot
    Hidden,
    /// Symbolic links
    Symlinks,
    /// Folders with nothing in them
    EmptyFolders,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CidArgs {
    /// The profile that gives the CID
    #[arg(long, conflicts_with = "all_profiles", default_value = "unixfs-v1-2025", value_parser = parse_profile)]
    pub(crate) profile: holdfast_content::Profile,
    /// Print the CID under every profile
    #[arg(long)]
    pub(crate) all_profiles: bool,
    /// What of folders to leave out
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) leave_out: Vec<LeaveOut>,
    /// Also write the blocks of the one path that is given to a new CAR archive
    #[arg(long, value_name = "FILE", conflicts_with = "all_profiles")]
    pub(crate) car: Option<PathBuf>,
    /// Files and folders; - is standard input
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CarCommand {
    /// Check every block, and that everything below the roots is there
    Verify {
        /// The archive
        archive: PathBuf,
    },
    /// Check an archive and have a service pin its root, block by block as they are
    Import {
        #[command(flatten)]
        pin: NewPinArgs,
        /// The archive
        archive: PathBuf,
    },
    /// Write the file or folder in an archive to the disk
    ///
    /// Names with characters that could deceive get the `%XX` of these, and `%25` for `%`. Permissions and times that the
    /// archive says are restored, within the umask and without setuid, setgid and sticky.
    Export {
        /// Bytes that the files may have together [default: 16 times the archive's size, and at least 1GB]
        #[arg(long, value_name = "SIZE", value_parser = super::serve::parse_size)]
        max_bytes: Option<u64>,
        /// What to write [default: the archive's only root]
        #[arg(long, value_name = "CID")]
        root: Option<String>,
        /// The archive
        archive: PathBuf,
        /// Where to write it; nothing may be there yet
        target: PathBuf,
    },
}

fn parse_profile(name: &str) -> Result<holdfast_content::Profile, String> {
    holdfast_content::Profile::named(name).ok_or_else(|| {
        let names = holdfast_content::Profile::ALL.map(|profile| profile.name());
        format!("there are: {}", names.join(", "))
    })
}

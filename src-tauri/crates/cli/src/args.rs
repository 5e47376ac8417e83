//! What can be typed.

use std::{path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use holdfast_core::pin::Metadata;
use holdfast_service::{Quota, Scope, Uuid};

use crate::command::serve_options::ServerOptions;

/// Keeps files pinned on IPFS, and proves that what a service holds is what you gave it.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Where Holdfast keeps its state [default: the platform's data directory]
    #[arg(long, global = true, value_name = "DIR", env = "HOLDFAST_HOME")]
    pub(crate) home: Option<PathBuf>,

    /// Print results as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add, list, test and remove accounts at pinning services
    #[command(subcommand)]
    Account(AccountCommand),
    /// Upload files and folders and pin them
    Add(AddArgs),
    /// Have a service fetch and pin content by its CID
    Pin(PinArgs),
    /// List what all accounts have pinned
    Ls(ListArgs),
    /// Show everything known about one pin
    Show(ShowArgs),
    /// Prove that a file or folder here is what a CID names, or that all of a CID can be fetched
    ///
    /// Only small inner blocks are fetched: they say which bytes of the file every other block holds, and these are hashed
    /// here, whatever the service's chunk size and layout. Without a PATH, every block is fetched and checked.
    Verify(VerifyArgs),
    /// Give a pin another name or other metadata, where its service can
    Edit(EditArgs),
    /// Remove pins
    Unpin(UnpinArgs),
    /// Compute CIDs without sending anything anywhere
    Cid(CidArgs),
    /// Check and unpack CAR archives, and send them to a service
    #[command(subcommand)]
    Car(CarCommand),
    /// Watch folders and pin what is new in them
    #[command(subcommand)]
    Folder(FolderCommand),
    /// Run a pinning service of your own
    Serve(ServeArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Test a key or token and keep it in the system's keyring
    Add(AccountAddArgs),
    /// List the services that need not be typed, and what to know about each
    Presets,
    /// Find out what an account's service can do, with a small pin that is removed again
    Check {
        /// Its label or id
        account: String,
    },
    /// Add the pinning services that a Kubo repository on this computer names, and the node itself
    ImportKubo(ImportKuboArgs),
    /// List the accounts
    Ls,
    /// Remove an account and its secret; what is pinned there stays pinned
    Rm {
        /// Its label or id
        account: String,
    },
    /// Ask a service whether an account's key is still right
    Test {
        /// Its label or id
        account: String,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AccountAddArgs {
    /// A known service, by the name that `account presets` shows: its kind, endpoint and gateway
    #[arg(long, value_name = "NAME", conflicts_with = "kind")]
    pub(crate) preset: Option<String>,
    /// The kind of service
    #[arg(long, value_enum, required_unless_present = "preset")]
    pub(crate) kind: Option<Kind>,
    /// What to call the account [default: as the preset]
    #[arg(long, required_unless_present = "preset")]
    pub(crate) label: Option<String>,
    /// The API's base, such as https://api.aiozpin.network/api [default: the preset's]
    #[arg(long, value_name = "URL", required_unless_present = "preset")]
    pub(crate) endpoint: Option<String>,
    /// Where pinned content can be fetched [default: the service's own, where known]
    #[arg(long, value_name = "URL")]
    pub(crate) gateway: Option<String>,
    #[command(flatten)]
    pub(crate) known_by: KnownBy,
    /// Read the secret, token or password from standard input instead of asking for it
    #[arg(long)]
    pub(crate) secret_stdin: bool,
    /// Take an http:// address of another machine, though the secret travels there unencrypted
    #[arg(long)]
    pub(crate) plain_http: bool,
}

/// What the service knows the user by. The secret half is asked for.
#[derive(Debug, ClapArgs)]
#[group(multiple = false)]
pub(crate) struct KnownBy {
    /// The API key, for services that give one with a secret
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// A token, for a node that asks for one; a pinning service (psa) is given one without this
    #[arg(long)]
    pub(crate) token: bool,
    /// The user name, for a node that asks for a login
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// AIOZ Pin and W3IPFS, by API key; and `holdfast serve`
    Aioz,
    /// Any IPFS Pinning Service API
    Psa,
    /// A Kubo node
    Kubo,
    /// An IPFS Cluster
    Cluster,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ImportKuboArgs {
    /// The repository [default: $IPFS_PATH, or .ipfs in the home folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) repo: Option<PathBuf>,
    /// What to add, by the names in the repository [default: only list them]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

/// What a new pin gets.
#[derive(Debug, ClapArgs)]
pub(crate) struct NewPinArgs {
    /// The account's label or id [default: This computer]
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// The pin's name [default: that of the file or folder, or none]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A pair of metadata; may be given again
    #[arg(long, value_name = "K=V", value_parser = parse_pair)]
    pub(crate) meta: Vec<(String, String)>,
}

impl NewPinArgs {
    /// The pairs of metadata; of a key that is given twice, the last.
    pub(crate) fn metadata(&self) -> Metadata {
        self.meta.iter().cloned().collect()
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    pub(crate) pin: NewPinArgs,
    /// Do not stop at a whole disk or home folder
    #[arg(long)]
    pub(crate) yes: bool,
    /// Files and folders
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PinArgs {
    #[command(flatten)]
    pub(crate) pin: NewPinArgs,
    /// CIDs, or links that contain one
    #[arg(required = true, value_name = "CID")]
    pub(crate) cids: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ListArgs {
    /// Only this account's pins
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// Only pins whose name or CID contains this
    #[arg(long, default_value = "")]
    pub(crate) search: String,
    /// What to sort by
    #[arg(long, value_enum, default_value_t = Sort::PinnedAt)]
    pub(crate) sort: Sort,
    /// Smallest or oldest first
    #[arg(long)]
    pub(crate) ascending: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Sort {
    Name,
    Size,
    Status,
    #[value(name = "pinned_at")]
    PinnedAt,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ShowArgs {
    /// The account's label or id, where several have a pin of that id
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// The pin's id
    pub(crate) id: String,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Exit status: 0 verified, or complete; 1 it differs, or blocks are missing or damaged; \
    2 it cannot be said (no gateway, no answer, a file that cannot be read).")]
pub(crate) struct VerifyArgs {
    /// Where to fetch blocks [default: the account's gateway]
    #[arg(long, value_name = "URL")]
    pub(crate) gateway: Option<String>,
    /// The account's label or id, where several have it
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// A CID, a link that contains one, or a pin's id
    #[arg(value_name = "CID|PIN")]
    pub(crate) what: String,
    /// The file or folder to compare it with
    pub(crate) path: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct EditArgs {
    /// The account's label or id, where several have a pin of that id
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// The new name; empty for none
    #[arg(long, required_unless_present_any = ["meta", "remove_meta"])]
    pub(crate) name: Option<String>,
    /// A pair of metadata to add or change; may be given again
    #[arg(long, value_name = "K=V", value_parser = parse_pair)]
    pub(crate) meta: Vec<(String, String)>,
    /// A key of metadata to remove; may be given again
    #[arg(long, value_name = "KEY")]
    pub(crate) remove_meta: Vec<String>,
    /// The pin's id
    pub(crate) id: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct UnpinArgs {
    /// The account's label or id, where several have a pin of that id
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// The pins' ids
    #[arg(required = true)]
    pub(crate) ids: Vec<String>,
}

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
    /// Files and folders
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
    Export {
        /// What to write [default: the archive's only root]
        #[arg(long, value_name = "CID")]
        root: Option<String>,
        /// The archive
        archive: PathBuf,
        /// Where to write it; nothing may be there yet
        target: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum FolderCommand {
    /// Watch a folder from the next `run`, or window, on
    Add {
        /// The account's label or id [default: This computer]
        #[arg(long)]
        account: Option<String>,
        /// How long a file must be quiet before it is read
        #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = parse_seconds)]
        settle: Duration,
        /// The folder
        path: PathBuf,
    },
    /// List the watched folders
    Ls,
    /// Watch a folder no more; nothing is unpinned
    Rm {
        /// Its path or id
        folder: String,
    },
    /// Watch and pin until interrupted
    Run {
        /// End when everything that is there now is pinned
        #[arg(long)]
        once: bool,
    },
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ServeArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ServeCommand>,
    #[command(flatten)]
    pub(crate) server: ServerOptions,
    /// Make and print another key that stays valid
    #[arg(long)]
    pub(crate) new_key: bool,
    /// What the pins of one owner may hold, such as 500MB, 20GiB or none. Keys of `serve keys new` have an owner of their
    /// own; the keys that `serve` itself prints are this home's, and they and the keys made with them have no limit
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_quota)]
    pub(crate) quota: Quota,
    /// What is left free on the disk: with less, nothing more is taken
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = parse_size)]
    pub(crate) disk_reserve: u64,
    /// A trustless gateway to fetch from what is pinned by its CID and not held; may be given again
    #[arg(long, value_name = "URL")]
    pub(crate) fetch_from: Vec<url::Url>,
    /// Let the origins that a request names lead to loopback and private addresses
    #[arg(long)]
    pub(crate) private_origins: bool,
}

/// What is done with the service's directory.
#[derive(Debug, Subcommand)]
pub(crate) enum ServeCommand {
    /// List, make and revoke keys, also while the service runs
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Remove the blocks that no pin needs; a running service does it by itself
    Gc,
    /// Count blocks, bytes and pins, by key, and what the disk has free
    Stats,
    /// Read every block and walk every pin; ends with 1 if anything is damaged
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// List the keys that stay valid
    List,
    /// Make and print a key with pins and a quota of its own; its secret is shown this once
    New {
        /// Make another key to the pins of this owner, within the same quota; `home` is this computer, without any. Each
        /// owner sees their own pins only [default: a new owner, called as the key]
        #[arg(long)]
        owner: Option<String>,
        /// What the pins of its owner may hold, such as 500MB, 20GiB or none [default: what `serve --quota` says]
        #[arg(long, value_name = "SIZE", value_parser = parse_quota)]
        quota: Option<Quota>,
        /// What it may do: list, pin, pin_by_hash, unpin, admin [default: everything]
        #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
        scope: Vec<Scope>,
        /// What to call it [default: a name with a number that no other has]
        name: Option<String>,
    },
    /// Make a key invalid from now on
    Revoke {
        /// Its id, as `list` shows it
        id: Uuid,
    },
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err("expected key=value".into()),
    }
}

fn parse_quota(text: &str) -> Result<Quota, String> {
    if text == "none" { Ok(Quota::Unlimited) } else { parse_size(text).map(Quota::Bytes) }
}

fn parse_size(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit_bytes = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1000_u64.pow(2),
        "GB" => 1000_u64.pow(3),
        "TB" => 1000_u64.pow(4),
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1_u64 << 40,
        _ => return Err("expected a number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB".into()),
    };
    let count: u64 = digits.parse().map_err(|_| "expected a number of bytes, such as 500MB")?;
    count.checked_mul(unit_bytes).ok_or_else(|| "that is more than any disk has".into())
}

fn parse_profile(name: &str) -> Result<holdfast_content::Profile, String> {
    holdfast_content::Profile::named(name).ok_or_else(|| {
        let names = holdfast_content::Profile::ALL.map(|profile| profile.name());
        format!("there are: {}", names.join(", "))
    })
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration <= Duration::from_secs(3600) => Ok(duration),
        _ => Err("expected 0 to 3600 seconds".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes_are_read_in_both_kinds_of_units() {
        let sizes = ["0", "12", "5 MB", "1GiB", "2TB"].map(parse_size);
        assert_eq!(sizes, [0, 12, 5_000_000, 1 << 30, 2_000_000_000_000].map(Ok));
        for text in ["", "GB", "1.5GB", "1 gb", "-1", "99999999999TiB"] {
            assert!(parse_size(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_quota("none"), Ok(Quota::Unlimited));
    }

    #[test]
    fn a_secret_is_never_an_argument() {
        for secret in ["--secret", "--secret-key"] {
            let typed = [
                "holdfast",
                "account",
                "add",
                "--kind",
                "aioz",
                "--label",
                "a",
                "--endpoint",
                "e",
                "--key",
                "k",
                secret,
                "s",
            ];
            assert!(Args::try_parse_from(typed).is_err());
        }
    }
}

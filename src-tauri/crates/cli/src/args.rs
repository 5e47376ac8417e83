//! What can be typed.

mod account;
mod content;
mod serve;

use std::{path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use holdfast_core::{AtOnce, LimitedHours, pin::Metadata};

use crate::command::limit::{TypedRate, parse_at_once, parse_hours, parse_rate};

pub(crate) use account::{AccountAddArgs, AccountCommand, AccountEditArgs, ImportKuboArgs, Kind, KnownBy};
pub(crate) use content::{CarCommand, CidArgs, LeaveOut};
pub(crate) use serve::{KeysCommand, ServeArgs, ServeCommand};

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
    /// Add, list, test, change and remove accounts at pinning services
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
    /// Prove that a service has what it pinned, and that a file here is what is pinned
    ///
    /// The account's service is asked: every block is fetched from its gateway and hashed here; of large content all inner
    /// nodes and a sample of the others, which is said. With a PATH a second question is answered for itself: whether that
    /// file or folder is what the CID names, whatever the service's chunk size and layout.
    Verify(VerifyArgs),
    /// Give a pin another name or other metadata, where its service can
    Edit(EditArgs),
    /// Remove pins: those of these ids, or all that match
    ///
    /// On a terminal it waits 10 seconds before anything is removed, and Ctrl-C undoes it; what has not begun can be undone
    /// after that too. More than 50 at once go only when their number is confirmed.
    Unpin(UnpinArgs),
    /// Compute CIDs without sending anything anywhere
    Cid(CidArgs),
    /// Check and unpack CAR archives, and send them to a service
    #[command(subcommand)]
    Car(CarCommand),
    /// Watch folders and pin what is new in them
    #[command(subcommand)]
    Folder(FolderCommand),
    /// List what is sent, asked for and removed, newest first, and how it stands
    Transfers {
        /// The most that are listed
        #[arg(long, value_name = "COUNT", default_value = "100")]
        limit: u32,
        /// Work on what has not ended, and say how each of it ends
        #[arg(long)]
        watch: bool,
    },
    /// List what was asked for together, with how far it is: what is under way first, then what needs you
    Batches {
        /// The most that are listed
        #[arg(long, value_name = "COUNT", default_value = "100")]
        limit: u32,
    },
    /// Stop work until `resume`: all, that of an account, or batches and transfers by their ids; what is under way begins again then
    Pause(WhichArgs),
    /// Let work go on that was paused
    Resume(WhichArgs),
    /// Show or set how fast bytes go, how much at once, and for how long ended transfers are kept
    ///
    /// What stays on this computer is not limited.
    Limit(LimitArgs),
    /// Try again what failed of batches, or transfers that failed, wait or were cancelled, and wait for them to end
    Retry {
        #[command(flatten)]
        which: WhichArgs,
        /// Everything that has failed
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        /// Send what failed of these batches to another account instead, by its label or id
        #[arg(long, value_name = "ACCOUNT", conflicts_with_all = ["all", "matching", "account"])]
        at: Option<String>,
    },
    /// Stop transfers; what a service has accepted by then stays pinned
    Cancel {
        #[command(flatten)]
        which: WhichArgs,
        /// Everything that has not ended
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Put batches or transfers before all else that has not begun and goes as fast
    MoveUp(WhichArgs),
    /// Run a pinning service of your own
    Serve(ServeArgs),
}

/// Which transfers are meant.
#[derive(Debug, ClapArgs)]
pub(crate) struct WhichArgs {
    /// Only what this account has to do, by its label or id
    #[arg(long, conflicts_with = "ids")]
    pub(crate) account: Option<String>,
    /// All that have this text in their name
    #[arg(long = "match", value_name = "TEXT", conflicts_with = "ids")]
    pub(crate) matching: Option<String>,
    /// Ids of batches (as b12) and of transfers
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

impl WhichArgs {
    /// Whether transfers are named, and not an account or everything.
    pub(crate) fn names_transfers(&self) -> bool {
        !self.ids.is_empty() || self.matching.is_some()
    }
}

/// What a new pin gets.
#[derive(Debug, ClapArgs)]
pub(crate) struct NewPinArgs {
    /// The account's label or id; may be given again for several [default: This computer]
    #[arg(long)]
    pub(crate) account: Vec<String>,
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
pub(crate) struct LimitArgs {
    /// All that is sent together, such as 2MB/s; `none` for as fast as it goes
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) up: Option<TypedRate>,
    /// All that is fetched to prove it, the same
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) down: Option<TypedRate>,
    /// Transfers at once at each account, of those that come in bulk
    #[arg(long, value_name = "COUNT", value_parser = parse_at_once)]
    pub(crate) at_once: Option<AtOnce>,
    /// Hours of every day in which no more goes, such as 08:00-18:00=500KB/s; may be given again, and takes the place of all
    #[arg(long, value_name = "HOURS=RATE", value_parser = parse_hours)]
    pub(crate) schedule: Vec<LimitedHours>,
    /// No such hours
    #[arg(long, conflicts_with = "schedule")]
    pub(crate) no_schedule: bool,
    /// Days that ended transfers are kept for
    #[arg(long, value_name = "DAYS")]
    pub(crate) keep_days: Option<u32>,
    /// How many of them are kept
    #[arg(long, value_name = "COUNT")]
    pub(crate) keep_transfers: Option<u32>,
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
#[command(after_help = "Exit status: 0 verified; 1 blocks are missing or damaged, or the file differs; \
    2 it cannot be said (no gateway, no answer, a file that cannot be read).",
    group(clap::ArgGroup::new("which").required(true).args(["what", "all"])))]
pub(crate) struct VerifyArgs {
    /// Where to fetch blocks [default: the account's gateway]
    #[arg(long, value_name = "URL")]
    pub(crate) gateway: Option<String>,
    /// The account's label or id, where several have it
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// Ask for every pin, of one account or of all
    #[arg(long, conflicts_with = "gateway")]
    pub(crate) all: bool,
    /// Fetch every block, however many there are
    #[arg(long)]
    pub(crate) every_block: bool,
    /// A CID, a link that contains one, or a pin's id; a CID is asked for at every account that has pinned it
    #[arg(value_name = "CID|PIN")]
    pub(crate) what: Option<String>,
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
#[command(group(clap::ArgGroup::new("pins").required(true).args(["ids", "all", "matching"])))]
pub(crate) struct UnpinArgs {
    /// Only pins of this account, by its label or id
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// All pins, of one account or of all
    #[arg(long)]
    pub(crate) all: bool,
    /// All pins whose name or CID contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) matching: Option<String>,
    /// How many pins are meant to go; needed for more than 50
    #[arg(long, value_name = "COUNT")]
    pub(crate) confirm: Option<u64>,
    /// Do not wait for 10 seconds first
    #[arg(long)]
    pub(crate) now: bool,
    /// The pins' ids
    pub(crate) ids: Vec<String>,
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

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err("expected key=value".into()),
    }
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

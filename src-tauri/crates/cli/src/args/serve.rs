//! `holdfast serve`, as it is typed.

use clap::{Args as ClapArgs, Subcommand};
use holdfast_service::{Quota, Scope, Uuid};

use crate::command::serve_options::ServerOptions;

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

fn parse_quota(text: &str) -> Result<Quota, String> {
    if text == "none" { Ok(Quota::Unlimited) } else { parse_size(text).map(Quota::Bytes) }
}

pub(super) fn parse_size(text: &str) -> Result<u64, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_kinds_of_units() {
        let sizes = ["0", "12", "5 MB", "1GiB", "2TB"].map(parse_size);
        assert_eq!(sizes, [0, 12, 5_000_000, 1 << 30, 2_000_000_000_000].map(Ok));
        for text in ["", "GB", "1.5GB", "1 gb", "-1", "99999999999TiB"] {
            assert!(parse_size(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_quota("none"), Ok(Quota::Unlimited));
    }
}

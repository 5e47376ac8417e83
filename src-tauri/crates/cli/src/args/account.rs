//! `holdfast account`, as it is typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

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
    /// Give an account another label or gateway, or say where This computer may fetch what it is asked to pin by CID;
    /// `add` with its label gives an account another key
    Edit(AccountEditArgs),
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

#[derive(Debug, ClapArgs)]
pub(crate) struct AccountEditArgs {
    /// Its label or id
    pub(crate) account: String,
    /// What to call it from now on
    #[arg(long, required_unless_present_any = ["gateway", "no_gateway", "fetch"])]
    pub(crate) label: Option<String>,
    /// Where pinned content can be fetched
    #[arg(long, value_name = "URL", conflicts_with = "no_gateway")]
    pub(crate) gateway: Option<String>,
    /// Have no gateway
    #[arg(long)]
    pub(crate) no_gateway: bool,
    /// Take an http:// address of another machine, though everything travels from there unencrypted
    #[arg(long)]
    pub(crate) plain_http: bool,
    #[command(flatten)]
    pub(crate) fetch: FetchArgs,
}

/// Where This computer may fetch; what is given is all that it may.
#[derive(Debug, ClapArgs)]
#[group(id = "fetch", multiple = true, conflicts_with_all = ["label", "gateway", "no_gateway"])]
pub(crate) struct FetchArgs {
    /// For This computer: a gateway, such as https://trustless-gateway.link, from which it may fetch what it is asked to pin
    /// by CID and does not hold; may be given again. The gateway learns the CIDs; what it gives is checked
    #[arg(long = "fetch-from", value_name = "URL")]
    pub(crate) from: Vec<String>,
    /// For This computer: fetch from the gateways of the other accounts too
    #[arg(long = "fetch-from-accounts")]
    pub(crate) from_accounts: bool,
    /// For This computer: fetch from nowhere
    #[arg(long = "fetch-from-nowhere", conflicts_with_all = ["from", "from_accounts"])]
    pub(crate) from_nowhere: bool,
}

impl FetchArgs {
    /// Whether anything was said.
    pub(crate) const fn is_said(&self) -> bool {
        !self.from.is_empty() || self.from_accounts || self.from_nowhere
    }
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

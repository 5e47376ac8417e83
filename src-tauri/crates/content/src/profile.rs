//! Profiles: the parameters that turn bytes into a CID.
//!
//! The named ones are those of IPIP-499 (`unixfs-v0-2015`, `unixfs-v1-2025`) and what Kubo makes of `--cid-version=1`.

use std::fmt;

/// Which CID version a profile's blocks are named with. The hash is always SHA2-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CidVersion {
    /// `Qm…`: dag-pb only, base58.
    V0,
    /// `bafy…` and `bafkrei…`.
    V1,
}

/// How a chunk of a file becomes a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leaves {
    /// The chunk wrapped in a UnixFS file node.
    DagPb,
    /// The chunk itself, with the `raw` codec.
    Raw,
}

/// What is measured to decide that a directory must be sharded (IPIP-499, "HAMT switch").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShardRule {
    /// The length of the serialized directory block.
    BlockBytes,
    /// The sum of the lengths of all names and CIDs.
    LinksBytes,
}

/// Whether a kind of entry becomes part of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entries {
    /// It does.
    Included,
    /// It is passed over as if it were not there.
    LeftOut,
}

/// What of a directory on the disk becomes part of its CID. Symlinks that are included stay symlinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryRules {
    /// Names that begin with a dot.
    pub hidden: Entries,
    /// Symbolic links.
    pub symlinks: Entries,
    /// Directories in which, under these rules, there is nothing.
    pub empty_directories: Entries,
}

impl EntryRules {
    /// Everything, as it lies there.
    pub const EVERYTHING: Self =
        Self { hidden: Entries::Included, symlinks: Entries::Included, empty_directories: Entries::Included };
}

/// A set of UnixFS parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    pub(crate) name: &'static str,
    pub(crate) cid_version: CidVersion,
    pub(crate) chunk_bytes: usize,
    pub(crate) links_per_node: usize,
    pub(crate) leaves: Leaves,
    pub(crate) shard_rule: ShardRule,
    pub(crate) shard_above_bytes: u64,
    pub(crate) entries: EntryRules,
}

impl Profile {
    /// IPIP-499 `unixfs-v0-2015`: what `ipfs add` has done since 2015.
    pub const UNIXFS_V0_2015: Self = Self {
        name: "unixfs-v0-2015",
        cid_version: CidVersion::V0,
        chunk_bytes: 256 * 1024,
        links_per_node: 174,
        leaves: Leaves::DagPb,
        shard_rule: ShardRule::LinksBytes,
        shard_above_bytes: 256 * 1024,
        entries: EntryRules::EVERYTHING,
    };

    /// IPIP-499 `unixfs-v1-2025`.
    pub const UNIXFS_V1_2025: Self = Self {
        name: "unixfs-v1-2025",
        cid_version: CidVersion::V1,
        chunk_bytes: 1024 * 1024,
        links_per_node: 1024,
        leaves: Leaves::Raw,
        shard_rule: ShardRule::BlockBytes,
        shard_above_bytes: 256 * 1024,
        entries: EntryRules::EVERYTHING,
    };

    /// `ipfs add --cid-version=1` with Kubo's other defaults; common among services, named by nobody.
    pub const KUBO_CIDV1_256K_174: Self =
        Self { name: "kubo-cidv1-256k-174", cid_version: CidVersion::V1, leaves: Leaves::Raw, ..Self::UNIXFS_V0_2015 };

    /// Every named profile, the one to prefer first.
    pub const ALL: [Self; 3] = [Self::UNIXFS_V1_2025, Self::KUBO_CIDV1_256K_174, Self::UNIXFS_V0_2015];

    /// The profile of that name.
    ///
    /// ```
    /// use holdfast_content::Profile;
    /// assert_eq!(Profile::named("unixfs-v1-2025"), Some(Profile::UNIXFS_V1_2025));
    /// assert_eq!(Profile::named("rabin"), None);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name == name)
    }

    /// A profile of other parameters, for layouts that have no name.
    ///
    /// Zero for `chunk_bytes` or less than two for `links_per_node` is raised to the least that makes a tree.
    ///
    /// ```
    /// use holdfast_content::Profile;
    /// let profile = Profile::UNIXFS_V1_2025.custom(512 * 1024, 174);
    /// assert_eq!((profile.name(), profile.chunk_bytes()), ("custom", 512 * 1024));
    /// ```
    #[must_use]
    pub const fn custom(self, chunk_bytes: usize, links_per_node: usize) -> Self {
        Self {
            name: "custom",
            chunk_bytes: if chunk_bytes == 0 { 1 } else { chunk_bytes },
            links_per_node: if links_per_node < 2 { 2 } else { links_per_node },
            ..self
        }
    }

    /// The profile with other rules for what is part of a directory. IPIP-499 leaves hidden names out unless asked; the
    /// named profiles here include them, so that what is dropped is what is pinned.
    #[must_use]
    pub const fn with_entries(self, entries: EntryRules) -> Self {
        Self { entries, ..self }
    }

    /// What is part of a directory.
    #[must_use]
    pub const fn entries(&self) -> EntryRules {
        self.entries
    }

    /// The name, as IPIP-499 spells it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Bytes of a file in one leaf.
    #[must_use]
    pub const fn chunk_bytes(&self) -> usize {
        self.chunk_bytes
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

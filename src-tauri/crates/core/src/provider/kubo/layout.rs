//! How a node is asked to lay content out, so that its CIDs are those of a profile that is known here.

use std::collections::{HashMap, HashSet};

use crate::content::UploadPart;

/// From which a directory is cut into parts, by the measure that the node is configured with.
const SHARDING_BYTES: usize = 256 * 1024;

/// A binary CIDv1 with a SHA-256.
const CID_BYTES: usize = 36;

/// What else the block of a directory can have for one entry: tags, lengths, and the size of what is below.
const MOST_FRAMING_BYTES: usize = 19;

/// The layouts that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `unixfs-v1-2025`.
    V1Of2025,
    /// What Kubo makes of `cid-version=1`: `kubo-cidv1-256k-174`.
    Kubo256K,
}

impl Layout {
    /// The options of `add`, named in full: the node's own configuration may have others.
    pub(super) const fn options(self) -> [(&'static str, &'static str); 7] {
        let (chunker, links) = match self {
            Self::V1Of2025 => ("size-1048576", "1024"),
            Self::Kubo256K => ("size-262144", "174"),
        };
        [
            ("cid-version", "1"),
            ("hash", "sha2-256"),
            ("raw-leaves", "true"),
            ("trickle", "false"),
            ("inline", "false"),
            ("chunker", chunker),
            ("max-file-links", links),
        ]
    }
}

/// Whether a version of Kubo can be asked for the layout of 2025: it came with 0.40.
pub(super) fn knows_v1_of_2025(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (0, 40)
}

/// Whether a directory has so many entries that it depends on the measure whether it is cut: the sum of names and CIDs, or
/// the whole block.
pub(super) fn measure_matters(parts: &[UploadPart]) -> bool {
    let (mut seen, mut directories) = (HashSet::new(), HashMap::<&str, (usize, usize)>::new());
    for part in parts {
        let mut path = part.path.as_str();
        while let Some((directory, name)) = path.rsplit_once('/')
            && seen.insert(path)
        {
            let (entries, bytes) = directories.entry(directory).or_default();
            *entries += 1;
            *bytes += name.len() + CID_BYTES;
            path = directory;
        }
    }
    let is_between = |(entries, bytes): &(usize, usize)| {
        *bytes <= SHARDING_BYTES && *bytes + entries * MOST_FRAMING_BYTES > SHARDING_BYTES
    };
    directories.values().any(is_between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::PartKind;

    #[test]
    fn only_directories_near_the_limit_depend_on_how_it_is_measured() {
        let directory = |entries: usize| -> Vec<_> {
            let path = |number| format!("root/some/directory/{number:012}");
            (0..entries).map(|number| UploadPart { path: path(number), kind: PartKind::File }).collect()
        };
        // Twelve bytes of name and 36 of CID: 5,461 entries are 256 KiB.
        for (entries, matters) in [(1, false), (3_900, false), (3_920, true), (5_461, true), (5_462, false)] {
            assert_eq!(measure_matters(&directory(entries)), matters, "{entries}");
        }
        assert!(!measure_matters(&[]));
    }

    #[test]
    fn the_layout_of_2025_is_asked_of_versions_that_have_it() {
        for (version, knows) in
            [("0.39.0", false), ("0.40.0-rc1", true), ("0.43.0", true), ("1.0.0", true), ("", false)]
        {
            assert_eq!(knows_v1_of_2025(version), knows, "{version}");
        }
    }
}

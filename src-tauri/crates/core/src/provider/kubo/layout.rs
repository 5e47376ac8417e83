//! How a node is asked to lay content out, so that its CIDs are those of a profile that is known here.

use holdfast_content::Profile;

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
    /// What a version of Kubo is asked for, but for the few directories that [depend on more](measure_matters).
    pub(super) fn usual(version: &str) -> Self {
        if knows_v1_of_2025(version) { Self::V1Of2025 } else { Self::Kubo256K }
    }

    /// The profile that gives its CIDs.
    pub(super) const fn profile(self) -> Profile {
        match self {
            Self::V1Of2025 => Profile::UNIXFS_V1_2025,
            Self::Kubo256K => Profile::KUBO_CIDV1_256K_174,
        }
    }

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
fn knows_v1_of_2025(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (0, 40)
}

/// Whether a directory has so many entries that it depends on the measure whether it is cut: the sum of names and CIDs, or
/// the whole block. What is in a directory comes together.
pub(super) fn measure_matters(parts: impl Iterator<Item = UploadPart>) -> bool {
    let mut way: Vec<Directory> = Vec::new();
    for part in parts {
        let mut names: Vec<_> = part.path.split('/').collect();
        let Some(last) = names.pop() else { continue };
        let common = way.iter().zip(&names).take_while(|(directory, name)| directory.name == **name).count();
        if way.drain(common..).any(|left| left.is_between()) {
            return true;
        }
        for name in &names[common..] {
            if let Some(parent) = way.last_mut() {
                parent.add(name);
            }
            way.push(Directory { name: (*name).into(), entries: 0, bytes: 0 });
        }
        if let Some(parent) = way.last_mut() {
            parent.add(last);
        }
    }
    way.iter().any(Directory::is_between)
}

/// A directory whose entries are counted.
struct Directory {
    name: String,
    entries: usize,
    bytes: usize,
}

impl Directory {
    fn add(&mut self, name: &str) {
        self.entries += 1;
        self.bytes += name.len() + CID_BYTES;
    }

    const fn is_between(&self) -> bool {
        self.bytes <= SHARDING_BYTES && self.bytes + self.entries * MOST_FRAMING_BYTES > SHARDING_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::PartKind;

    #[test]
    fn only_directories_near_the_limit_depend_on_how_it_is_measured() {
        let part = |path| UploadPart { path, kind: PartKind::File };
        let directory =
            |entries: usize| (0..entries).map(move |number| part(format!("root/some/directory/{number:012}")));
        // Twelve bytes of name and 36 of CID: 5,461 entries are 256 KiB.
        for (entries, matters) in [(1, false), (3_900, false), (3_920, true), (5_461, true), (5_462, false)] {
            assert_eq!(measure_matters(directory(entries)), matters, "{entries}");
            let behind = std::iter::once(part("root/then".into()));
            assert_eq!(measure_matters(directory(entries).chain(behind)), matters, "{entries}");
        }
        assert!(!measure_matters(std::iter::empty()));
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

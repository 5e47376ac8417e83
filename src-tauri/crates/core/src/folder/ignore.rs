//! What a watched folder leaves out, with the reason that its user reads.

use std::path::Path;

use crate::{
    content::Limits,
    disk::{EntryKind, Stat},
};

/// Files that programs write on the way to the real one, or about a directory.
const TEMPORARY_SUFFIXES: [&str; 8] = [".part", ".partial", ".crdownload", ".download", ".tmp", ".swp", ".swx", "~"];
const TEMPORARY_PREFIXES: [&str; 3] = ["~$", ".~lock.", ".#"];
const CLUTTER: [&str; 3] = ["Thumbs.db", "desktop.ini", "$RECYCLE.BIN"];

/// Why an entry of that name is left out, and everything below it.
pub(super) fn name_reason(name: &str) -> Option<&'static str> {
    if TEMPORARY_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
        || TEMPORARY_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    {
        Some("a temporary file")
    } else if CLUTTER.contains(&name) {
        Some("written by the system about the folder")
    } else if name.starts_with('.') {
        Some("hidden")
    } else {
        None
    }
}

/// Why a path below `root` is left out by its name or that of a directory on the way.
pub(super) fn path_reason(root: &Path, path: &Path) -> Option<&'static str> {
    let relative = path.strip_prefix(root).ok()?;
    relative.iter().find_map(|name| name_reason(&name.to_string_lossy()))
}

/// Whether a path below `root` lies in a directory that is left out: looks at the folder do not see it at all.
pub(super) fn is_hidden_by_directory(root: &Path, path: &Path) -> bool {
    path.parent().is_some_and(|above| path_reason(root, above).is_some())
}

/// Why something is left out for what it is.
pub(super) fn kind_reason(stat: &Stat, limits: Limits) -> Option<&'static str> {
    match stat.kind {
        EntryKind::File if stat.fingerprint.bytes == 0 && !limits.empty_files => {
            Some("empty, and this service does not take empty files")
        }
        EntryKind::File | EntryKind::Directory => None,
        EntryKind::Symlink => Some("a link"),
        EntryKind::Special => Some("a named pipe, socket or device"),
        EntryKind::MadeUp => Some("made up by the system when it is read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_and_hidden_files_are_left_out_wherever_they_lie() {
        let root = Path::new("/w");
        for path in ["/w/a.crdownload", "/w/x~", "/w/.git/config", "/w/a/.~lock.b#", "/w/~$doc.docx", "/w/Thumbs.db"] {
            assert!(path_reason(root, Path::new(path)).is_some(), "{path}");
        }
        for path in ["/w/a.txt", "/w/a/b.partition", "/w/naïve ~ x"] {
            assert_eq!(path_reason(root, Path::new(path)), None, "{path}");
        }
    }
}

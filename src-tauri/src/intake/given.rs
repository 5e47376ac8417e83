//! What a person gave: files by their paths or `file:` addresses, and links to what is elsewhere.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tauri::Url;

/// Longer texts are no links that a person dropped.
const MAX_LINK_BYTES: usize = 8 * 1024;

/// More at a time are no drop that a person meant.
const MOST_LINKS: usize = 20;

/// Things of a drop, or of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    /// Files and folders.
    pub(crate) paths: Vec<PathBuf>,
    /// Addresses of what is no file here; a CID may be in them.
    pub(crate) links: Vec<String>,
}

impl Given {
    /// What the arguments of a command line mean, where relative paths begin at `directory`.
    pub(crate) fn on_command_line(arguments: impl IntoIterator<Item = OsString>, directory: &Path) -> Self {
        let mut given = Self::default();
        for argument in arguments {
            match argument.to_str().and_then(|text| Url::parse(text).ok()) {
                // A letter before a colon is a drive.
                Some(url) if url.scheme().len() > 1 && !directory.join(&argument).exists() => {
                    given.add(argument.to_string_lossy().as_ref());
                }
                _ => given.paths.push(directory.join(argument)),
            }
        }
        given
    }

    /// A text that was dropped: the links in it, line by line, else the whole.
    pub(crate) fn text(text: &str) -> Self {
        let mut links: Vec<_> =
            text.lines().map(str::trim).filter(|line| is_of_the_web(line)).map(str::to_owned).collect();
        if links.is_empty() {
            links.push(text.trim().to_owned());
        }
        links.retain(|link| !link.is_empty() && link.len() <= MAX_LINK_BYTES);
        links.truncate(MOST_LINKS);
        Self { paths: Vec::new(), links }
    }

    /// Takes one address of a drop.
    pub(crate) fn add(&mut self, address: &str) {
        match local_path(address) {
            Some(path) => self.paths.push(path),
            None if is_of_the_web(address) && address.len() <= MAX_LINK_BYTES => self.links.push(address.to_owned()),
            // A share, the trash: named in the list of what was refused.
            None => self.paths.push(address.into()),
        }
    }
}

/// Arguments as text that says the same: what has no text goes as the `file:` address of its path.
pub(crate) fn as_text(arguments: Vec<OsString>, directory: &Path) -> Vec<OsString> {
    let text = |argument: OsString| match argument.to_str() {
        Some(_) => argument,
        None => Url::from_file_path(directory.join(&argument)).map_or(argument, |url| String::from(url).into()),
    };
    arguments.into_iter().map(text).collect()
}

/// The path of a `file:` address of this computer, byte for byte.
fn local_path(address: &str) -> Option<PathBuf> {
    let url = Url::parse(address).ok().filter(|url| url.scheme() == "file")?;
    url.to_file_path().ok()
}

fn is_of_the_web(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "ipfs" | "ipns"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn bytes(path: &[u8]) -> PathBuf {
        OsString::from_vec(path.to_vec()).into()
    }

    #[test]
    fn an_address_of_a_file_is_its_path_byte_for_byte() {
        let mut given = Given::default();
        for address in ["file:///tmp/Mu%F1oz.jpg", "file://localhost/a%20b%3F%23", "file:///c%0Ad", "smb://nas/x"] {
            given.add(address);
        }
        assert_eq!(given.paths, [bytes(b"/tmp/Mu\xf1oz.jpg"), "/a b?#".into(), "/c\nd".into(), "smb://nas/x".into()],);
        assert_eq!(given.links, Vec::<String>::new());
    }

    #[test]
    fn a_link_is_no_file() {
        let mut given = Given::default();
        given.add("https://ipfs.io/ipfs/bafkqaaa");
        given.add("ipfs://bafkqaaa");
        assert_eq!((given.paths.len(), given.links.len()), (0, 2));
    }

    #[test]
    fn what_a_second_launch_says_arrives_as_it_was_meant() {
        let directory = tempfile::tempdir().unwrap();
        let odd = OsString::from_vec(b"Mu\xf1oz.jpg".to_vec());
        std::fs::write(directory.path().join("a:b"), "").unwrap();
        let arguments = vec![odd.clone(), "plain".into(), "/absolute".into(), "a:b".into(), "ipfs://bafkqaaa".into()];
        let text = as_text(arguments.clone(), directory.path());
        assert!(text.iter().all(|argument| argument.to_str().is_some()));
        let given = Given::on_command_line(text, directory.path());
        assert_eq!(given, Given::on_command_line(arguments, directory.path()));
        let below = |name: &Path| directory.path().join(name);
        assert_eq!(
            given.paths,
            [below(odd.as_ref()), below("plain".as_ref()), "/absolute".into(), below("a:b".as_ref())]
        );
        assert_eq!(given.links, ["ipfs://bafkqaaa"]);
    }
}

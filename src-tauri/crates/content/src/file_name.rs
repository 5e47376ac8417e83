//! The names that files get whose names in a DAG could deceive.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use crate::{foreign_text::deceiving, tree::MAX_NAME_BYTES};

/// The name that an export gives a file. What [could deceive](crate::harmless) stands as the `%XX` of its bytes; `%` then
/// stands as `%25`, and so it does in names that look as if that had been done to them already. Decoding gives the name back,
/// and no two names become one. What gets too long for a file system by this is cut, and ends in a hash of the name.
///
/// ```
/// use holdfast_content::file_name;
/// assert_eq!(file_name("50%.txt"), "50%.txt");
/// assert_eq!(file_name("50%\n.txt"), "50%25%0A.txt");
/// ```
#[must_use]
pub fn file_name(name: &str) -> Cow<'_, str> {
    let mut found = deceiving(name).peekable();
    if found.peek().is_none() && !looks_escaped(name) {
        return name.into();
    }
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if c == '%' || found.next_if_eq(&at).is_some() {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    if out.len() > MAX_NAME_BYTES {
        let hash = Sha256::digest(name);
        let end = (0..=MAX_NAME_BYTES - 17).rev().find(|&end| out.is_char_boundary(end)).unwrap_or_default();
        out.truncate(end);
        out.push('~');
        out.extend(hash.iter().take(8).map(|byte| format!("{byte:02x}")));
    }
    out.into()
}

fn looks_escaped(name: &str) -> bool {
    let read = percent_decode_str(name).decode_utf8();
    read.is_ok_and(|read| read != name && (read.contains('%') || deceiving(&read).next().is_some()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_name_that_could_deceive_is_written_so_that_it_can_be_read_back() {
        assert_eq!(file_name("a\nb\u{1b}[31m"), "a%0Ab%1B[31m");
        assert_eq!(file_name("100%\u{202e}"), "100%25%E2%80%AE");
        for name in ["a", "100%", "%41", "%C3%A4", "Mu%F1oz", "é 👩\u{200d}💻"] {
            assert_eq!(file_name(name), name);
        }
    }

    #[test]
    fn a_name_that_gets_too_long_is_cut_and_stays_different_from_others() {
        let [one, other] = ["\u{202e}", "\u{202d}"].map(|c| format!("{}{c}", "\n".repeat(250)));
        assert_eq!([file_name(&one).len(), file_name(&other).len()], [MAX_NAME_BYTES; 2]);
        assert_ne!(file_name(&one), file_name(&other));
    }

    #[test]
    fn no_two_names_become_one_and_decoding_gives_each_back() {
        let names = ["a\n", "a%0A", "a%250A", "a%25250A", "%", "%25", "%2525", "\u{1}%01", "%01%01", "%25%01"];
        let written: HashSet<_> = names.iter().map(|name| file_name(name)).collect();
        assert_eq!(written.len(), names.len());
        for name in names.iter().filter(|name| file_name(name) != **name) {
            assert_eq!(percent_decode_str(&file_name(name)).decode_utf8().unwrap(), *name);
        }
    }
}

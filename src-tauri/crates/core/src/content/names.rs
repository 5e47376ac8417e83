//! What the names of a directory are sent as. One odd name is no reason to refuse the others: it is written with percent
//! signs, or left out alone.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    ffi::{OsStr, OsString},
    fmt::Write,
};

use holdfast_content::{MAX_NAME_BYTES, name_as_text};

/// Which names a service is sent as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// All that are UTF-8.
    Exact,
    /// Those that the filename in a form's header can carry.
    InForms,
}

/// Names that a person is told.
const NAMED: usize = 3;

const TWIN: &str = "cannot be sent under its own name, and what would stand for it is the name of another one beside it; \
                    rename one of the two";

const TOO_LONG: &str = "has a longer name than a directory on IPFS can have; rename it";

/// Why a name is left out.
pub(super) type Reason = &'static str;

/// The names of one directory that are not sent as they are.
pub(super) struct Odd(HashMap<OsString, Result<String, Reason>>);

impl Odd {
    /// Finds them among all names of a directory.
    pub(super) fn among<'a>(names: impl Iterator<Item = &'a OsString> + Clone, how: Names) -> Self {
        let mut odd: Vec<_> = names.clone().filter(|name| !is_sent_as_it_is(name, how)).collect();
        if odd.is_empty() {
            return Self(HashMap::new());
        }
        odd.sort_unstable();
        let mut taken: HashSet<_> = odd.iter().flat_map(|name| candidates(name, how)).collect();
        let literal: HashSet<_> = names.filter_map(|name| name.to_str()).collect();
        taken.retain(|text| literal.contains(text.as_str()));
        let sent_as = odd.into_iter().map(|name| {
            let mut candidates =
                candidates(name, how).into_iter().filter(|text| text.len() <= MAX_NAME_BYTES).peekable();
            let none = if candidates.peek().is_none() { TOO_LONG } else { TWIN };
            let free = candidates.find(|text| !taken.contains(text));
            taken.extend(free.clone());
            (name.clone(), free.ok_or(none))
        });
        Self(sent_as.collect())
    }

    /// What a name of that directory is sent as, or why it is not.
    pub(super) fn sent_as<'a>(&'a self, name: &'a OsStr) -> Result<Cow<'a, str>, Reason> {
        match self.0.get(name) {
            Some(Ok(text)) => Ok(text.into()),
            Some(Err(reason)) => Err(reason),
            None => Ok(name.to_string_lossy()),
        }
    }
}

/// Names that are sent as others.
#[derive(Clone, Debug, Default)]
pub(super) struct Renamed {
    first: Vec<String>,
    more: u64,
}

impl Renamed {
    /// Notes what a name is sent as, where that is not the name itself.
    pub(super) fn note(&mut self, name: &OsStr, text: &str) {
        if name.as_encoded_bytes() == text.as_bytes() {
            return;
        }
        if self.first.len() < NAMED {
            self.first.push(format!("{} as {text}", name.to_string_lossy()));
        } else {
            self.more += 1;
        }
    }

    /// What to tell a person.
    pub(super) fn remark(&self) -> Option<String> {
        let more = if self.more > 0 { format!(" and {} more", self.more) } else { String::new() };
        let named = self.first.join(", ");
        (!named.is_empty())
            .then(|| format!("names that cannot be sent as they are go with % signs in them ({named}{more})"))
    }
}

/// What a name by itself is sent as.
pub(super) fn alone(name: &OsStr, how: Names) -> String {
    let [text, _] = candidates(name, how);
    text
}

/// A path as the filename in a form's header carries it: line breaks and other control characters stand as `%XX`, as
/// browsers send line breaks.
pub(crate) fn in_form(path: &str) -> Cow<'_, str> {
    if path.chars().all(is_carried) {
        return path.into();
    }
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if is_carried(c) { out.push(c) } else { push_escaped(&mut out, c as u8) }
    }
    out.into()
}

/// A tab is a blank; what is not ASCII is no control character of a header.
const fn is_carried(c: char) -> bool {
    !c.is_ascii_control() || c == '\t'
}

fn is_sent_as_it_is(name: &OsStr, how: Names) -> bool {
    let is_carried = |name: &str| how == Names::Exact || name.chars().all(is_carried);
    name.to_str().is_some_and(|name| name.len() <= MAX_NAME_BYTES && is_carried(name))
}

/// What may stand for an odd name: the least that says it, and every byte of it escaped, which no other odd name is then.
fn candidates(name: &OsStr, how: Names) -> [String; 2] {
    let text = name_as_text(name.as_encoded_bytes());
    let least = match how {
        Names::Exact => text.into_owned(),
        Names::InForms => in_form(&text).into_owned(),
    };
    let mut whole = String::new();
    for byte in name.as_encoded_bytes() {
        push_escaped(&mut whole, *byte);
    }
    [least, whole]
}

fn push_escaped(out: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(out, "%{byte:02X}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_carries_all_but_control_characters() {
        assert_eq!(in_form("a \"b\"\\c\td: é\u{85}\u{2028}"), "a \"b\"\\c\td: é\u{85}\u{2028}");
        assert_eq!(in_form("\r\n\u{1}\u{7}\u{b}\u{1b}\u{7f}"), "%0D%0A%01%07%0B%1B%7F");
    }

    #[cfg(unix)]
    #[test]
    fn what_stands_for_an_odd_name_is_the_name_of_nothing_beside_it() {
        use std::os::unix::ffi::OsStringExt;
        let long = [&[0xff][..], &[b'n'; 253]].concat();
        let sent = |how, names: &[&[u8]]| -> Vec<_> {
            let names: Vec<_> = names.iter().map(|name| OsString::from_vec(name.to_vec())).collect();
            let odd = Odd::among(names.iter(), how);
            names.iter().map(|name| odd.sent_as(name).map(Cow::into_owned)).collect()
        };
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(sent(Names::Exact, &[b"a\n", b"a%0A", b"\xff"]), [ok("a\n"), ok("a%0A"), ok("%FF")]);
        assert_eq!(sent(Names::InForms, &[b"a\n", b"b%0A", b"\xff\n"]), [ok("a%0A"), ok("b%0A"), ok("%FF%0A")]);
        assert_eq!(sent(Names::InForms, &[b"a\n", b"a%0A"]), [ok("%61%0A"), ok("a%0A")]);
        assert_eq!(sent(Names::Exact, &[b"mu%F1oz", b"mu\xf1oz"]), [ok("mu%F1oz"), ok("%6D%75%F1%6F%7A")]);
        assert_eq!(sent(Names::InForms, &[b"%0A\n", b"\n%0A"]), [ok("%25%30%41%0A"), ok("%0A%0A")]);
        assert_eq!(sent(Names::InForms, &[b"\n", b"%0A"]), [Err(TWIN), ok("%0A")]);
        assert_eq!(sent(Names::InForms, &[b"a\n", b"a%0A", b"%61%0A"]), [Err(TWIN), ok("a%0A"), ok("%61%0A")]);
        assert_eq!(sent(Names::Exact, &[&long, b"good", &[b'n'; 256]]), [Err(TOO_LONG), ok("good"), Err(TOO_LONG)]);
    }
}

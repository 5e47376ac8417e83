//! Text that others wrote, such as the names that a service or an archive gives, made harmless to show.
//!
//! What is escaped: control characters, and everything that has no look of its own and yet changes how other characters look,
//! where they stand or whether they are there: the directions of text, spaces of no width, tags, separators of lines;
//! further what no two computers show alike, private and unassigned characters. What names are really written with stays:
//! the joiners of emoji and of Indic scripts, the non-joiner of Persian, the selectors that choose the form of an emoji, an
//! ideograph or a Mongolian letter, each only where it does that.

use std::borrow::Cow;

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        CanonicalCombiningClass, DefaultIgnorableCodePoint, Emoji, ExtendedPictographic, GeneralCategory, JoiningType,
        PrependedConcatenationMark, Script,
    },
};

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
const EMOJI_SELECTOR: char = '\u{fe0f}';

/// Text for one line of a terminal, a log or a window: what could deceive is shown as an escape of Rust's, such as `\n` or
/// `\u{202e}`.
///
/// ```
/// use holdfast_content::harmless;
/// assert_eq!(harmless("photo\u{202e}gpj.exe\n"), r"photo\u{202e}gpj.exe\n");
/// assert_eq!(harmless("Ænes 家族 👨‍👩‍👧 می‌خواهم"), "Ænes 家族 👨‍👩‍👧 می‌خواهم");
/// ```
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    replaced(text, deceiving(text), |out, c| out.extend(c.escape_default()))
}

/// JSON of one line, written with escapes of JSON's own: it says the same to whoever reads JSON, and nothing to a terminal.
///
/// ```
/// use holdfast_content::harmless_json;
/// assert_eq!(harmless_json("{\"name\":\"a\u{202e}b\"}"), r#"{"name":"a\u202eb"}"#);
/// ```
#[must_use]
pub fn harmless_json(json: &str) -> Cow<'_, str> {
    // Outside of strings JSON has none of these.
    let found = json.char_indices().filter(|(_, c)| !is_plain(*c)).map(|(at, _)| at);
    replaced(json, found, |out, c| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

/// Where the characters are that are not what they look like, or look like nothing.
pub(crate) fn deceiving(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().filter_map(|(at, c)| {
        let is_harmless = is_plain(c) || is_at_its_place(&text[..at], c, &text[at + c.len_utf8()..]);
        (!is_harmless).then_some(at)
    })
}

/// The text with other words for the characters at these places.
pub(crate) fn replaced(
    text: &str,
    places: impl Iterator<Item = usize>,
    mut replace: impl FnMut(&mut String, char),
) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    for at in places {
        let Some(c) = text[at..].chars().next() else { break };
        out.push_str(&text[done..at]);
        replace(&mut out, c);
        done = at + c.len_utf8();
    }
    if done == 0 {
        return text.into();
    }
    out.push_str(&text[done..]);
    out.into()
}

/// Whether a character is what it looks like, wherever it stands.
fn is_plain(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    match CodePointMapData::<GeneralCategory>::new().get(c) {
        GeneralCategory::Control
        | GeneralCategory::LineSeparator
        | GeneralCategory::ParagraphSeparator
        | GeneralCategory::PrivateUse
        | GeneralCategory::Surrogate
        | GeneralCategory::Unassigned => false,
        // Signs that are drawn under or over the number that follows.
        GeneralCategory::Format => CodePointSetData::new::<PrependedConcatenationMark>().contains(c),
        _ => !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c),
    }
}

/// Whether a character without a look of its own stands where writing needs it.
fn is_at_its_place(before: &str, c: char, after: &str) -> bool {
    let previous = before.chars().next_back();
    let next = after.chars().next();
    let has_script = |c: Option<char>, script| c.is_some_and(|c| CodePointMapData::<Script>::new().get(c) == script);
    match c {
        JOINER => follows_virama(previous) || joins_emoji(before, next),
        NON_JOINER => follows_virama(previous) || parts_joined_letters(before, after),
        '\u{fe0e}' | EMOJI_SELECTOR => previous.is_some_and(|c| CodePointSetData::new::<Emoji>().contains(c)),
        '\u{fe00}'..='\u{fe0d}' | '\u{e0100}'..='\u{e01ef}' => has_script(previous, Script::Han),
        '\u{180b}'..='\u{180d}' | '\u{180f}' => has_script(previous, Script::Mongolian),
        '\u{180e}' => has_script(previous, Script::Mongolian) && has_script(next, Script::Mongolian),
        _ => false,
    }
}

/// The places of joiners in names of hosts, RFC 5892 A.1 and A.2: a sign that takes a consonant's vowel away is before it.
fn follows_virama(previous: Option<char>) -> bool {
    let class = |c| CodePointMapData::<CanonicalCombiningClass>::new().get(c);
    previous.is_some_and(|c| class(c) == CanonicalCombiningClass::Virama)
}

/// The other place of a non-joiner, RFC 5892 A.1: two letters that would be written as one without it.
fn parts_joined_letters(before: &str, after: &str) -> bool {
    let joining = |c: char| CodePointMapData::<JoiningType>::new().get(c);
    let is_seen = |kind: &JoiningType| *kind != JoiningType::Transparent;
    let left = before.chars().rev().map(joining).find(is_seen);
    let right = after.chars().map(joining).find(is_seen);
    matches!(left, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(right, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

/// Pictures that together are another one.
fn joins_emoji(before: &str, next: Option<char>) -> bool {
    let is_picture = |c: char| CodePointSetData::new::<ExtendedPictographic>().contains(c);
    let is_of_a_picture = |c: &char| matches!(*c, EMOJI_SELECTOR | '\u{1f3fb}'..='\u{1f3ff}');
    let previous = before.chars().rev().find(|c| !is_of_a_picture(c));
    previous.is_some_and(is_picture) && next.is_some_and(is_picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_writes_elsewhere_on_a_terminal_is_shown_as_an_escape() {
        for (text, shown) in [
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\u{1b}]0;title\u{7}\u{1b}[31m", r"\u{1b}]0;title\u{7}\u{1b}[31m"),
            ("\u{9d}0;title\u{9c}\u{7f}", r"\u{9d}0;title\u{9c}\u{7f}"),
            ("a\u{2028}b\u{2029}", r"a\u{2028}b\u{2029}"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }

    #[test]
    fn what_has_no_look_or_turns_others_round_is_shown_as_an_escape() {
        let hidden = [
            // Directions.
            0x61c, 0x200e, 0x200f, 0x202a, 0x202e, 0x2066, 0x2069, // No width.
            0xad, 0x200b, 0x2060, 0x2064, 0xfeff, 0x34f, 0x115f, 0x3164, 0xffa0, // Tags, selectors, notes.
            0xe0001, 0xe0041, 0xfe0f, 0xe0100, 0x180b, 0xfff9, 0x1d173, // Shown by each computer in its own way.
            0xe000, 0xf8ff, 0x10fffd, 0x378, 0xffff,
        ];
        for c in hidden.map(|number| char::from_u32(number).unwrap()) {
            assert_eq!(harmless(&format!("a{c}b")), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
    }

    #[test]
    fn what_names_are_written_with_is_shown_as_it_is() {
        for text in [
            "a \\ b",
            "Ångström",
            "A\u{30a}",
            "日本語",
            "葛\u{e0100}城市",
            "한국어",
            "שלום",
            "اَلْعَرَبِيَّةُ",
            "می\u{200c}خواهم",
            "र\u{94d}\u{200d}य",
            "க\u{bcd}\u{200c}ஷ",
            "ᠬᠠᠷ\u{180e}ᠠ",
            "ᠰᠠᠢ\u{180b}ᠨ",
            "👩🏽\u{200d}💻",
            "🏳\u{fe0f}\u{200d}🌈",
            "1\u{fe0f}\u{20e3}",
            "❤\u{fe0e}",
            "①½€",
            "a\u{a0}b",
            "\u{3000}",
            "\u{600}١٢",
        ] {
            assert_eq!(harmless(text), text);
            assert!(matches!(harmless(text), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn a_joiner_that_joins_nothing_is_shown_as_an_escape() {
        for text in ["pay\u{200d}pal", "pay\u{200c}pal", "👩\u{200d}", "\u{200d}👩", "a\u{200c}", "می\u{200c}a"] {
            assert!(harmless(text).contains(r"\u{200"), "{text:?}");
        }
    }

    #[test]
    fn json_says_the_same_in_characters_that_say_nothing_to_a_terminal() {
        let name = "é\u{9b}31m\u{202e}\u{e0041}👩\u{200d}💻\u{7f}";
        let json = format!("{{\"name\":\"{name}\"}}");
        let shown = harmless_json(&json);
        assert_eq!(shown, r#"{"name":"é\u009b31m\u202e\udb40\udc41👩\u200d💻\u007f"}"#);
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read["name"], name);
    }
}

//! CIDs in what people paste: alone, in links, in sentences.

use std::str::FromStr;

use cid::{
    Cid,
    multibase::{self, Base},
};
use percent_encoding::percent_decode_str;

use crate::{block::exact_cid, cid_forms::same_content, cid_length::expected_chars};

/// The longest text that is searched for a CID, in bytes, and the longest one that is searched for many.
const MAX_TEXT_BYTES: usize = 8 * 1024;
const MAX_LIST_BYTES: usize = 64 * 1024;

/// No CID is longer: some 70 bytes, in base 2.
const MAX_CID_TEXT_BYTES: usize = 600;

/// No CID in base 64 is longer.
const MAX_BASE64_BYTES: usize = 100;

/// A path segment that is taken for a CID though nothing says so, in bytes: no common word is as long.
const MIN_UNMARKED_BYTES: usize = 40;

/// The codec of a CID that is the key of an IPNS name.
const CODEC_LIBP2P_KEY: u64 = 0x72;

/// The first CID in a text, with the path behind it.
///
/// Understood are a CID of either version in any multibase, `/ipfs/CID/path`, `ipfs://CID/path` (also `ipfs:`, `web+ipfs:`,
/// `dweb:/ipfs/`), gateway links by path (`https://host/ipfs/CID/path`, also behind a `#`) and by subdomain
/// (`https://CID.ipfs.host/path`), and the first of them in a text of several words or lines, whatever brackets, quotes and
/// punctuation stand around it. A link ends at white space.
///
/// ```
/// use holdfast_content::CidInText;
/// let found: CidInText = "See <https://dweb.link/ipfs/bafkqaaa/a%20b/c?download=1>.".parse()?;
/// assert_eq!((found.cid.to_string().as_str(), found.path.as_str()), ("bafkqaaa", "a b/c"));
/// # Ok::<(), holdfast_content::CidTextError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CidInText {
    /// The CID.
    pub cid: Cid,
    /// Names below it with one slash between each; empty for the CID itself. Read as gateways read a link: query and
    /// fragment are dropped, and percent escapes decoded, unless what they give is not UTF-8.
    pub path: String,
}

/// Every CID in a text, in its order, each once: the two forms of a CID are one.
///
/// ```
/// use holdfast_content::cids_in_text;
/// let found = cids_in_text("ipfs://bafkqaaa/a, and bafkqaalb")?;
/// let found: Vec<_> = found.iter().map(|one| (one.cid.to_string(), one.path.as_str())).collect();
/// assert_eq!(found, [("bafkqaaa".to_owned(), "a"), ("bafkqaalb".to_owned(), "")]);
/// # Ok::<(), holdfast_content::CidTextError>(())
/// ```
///
/// # Errors
/// [`CidTextError`] when there is none.
pub fn cids_in_text(text: &str) -> Result<Vec<CidInText>, CidTextError> {
    if text.len() > MAX_LIST_BYTES {
        return Err(CidTextError::TooLong);
    }
    // It sees CIDs with spaces in them, and knows what to say where there is none.
    let whole = text.trim();
    if whole.is_empty() || !whole.contains(ends_a_link) {
        let all = all_in_word(whole);
        return if all.len() > 1 { Ok(each_once(all)) } else { whole.parse().map(|one| vec![one]) };
    }
    let all: Vec<_> = whole.split(ends_a_link).filter(|word| !word.is_empty()).flat_map(all_in_word).collect();
    if all.is_empty() { whole.parse().map(|one| vec![one]) } else { Ok(each_once(all)) }
}

fn each_once(all: Vec<CidInText>) -> Vec<CidInText> {
    let mut once: Vec<CidInText> = Vec::with_capacity(all.len());
    for found in all {
        if !once.iter().any(|other| same_content(&other.cid, &found.cid) && other.path == found.path) {
            once.push(found);
        }
    }
    once
}

/// Why a text holds no CID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidTextError {
    /// Nothing but white space.
    #[error("there is no CID in an empty text")]
    Empty,
    /// Neither a CID nor a link with one.
    #[error("this is no CID and no link that contains one")]
    NoCid,
    /// More than 8 KiB, or longer than any CID where nothing but a CID is taken.
    #[error("this text is too long to be a CID or to look for one in it")]
    TooLong,
    /// An IPNS name instead of a CID.
    #[error(
        "this is an IPNS name, which leads to other content from time to time; what can be pinned is the CID that it leads to now"
    )]
    Ipns,
    /// A CID in base 58 in a host name, where capital letters do not last.
    #[error(
        "this CID has lost its capital letters, which count in it, as it does in a host name; copy it from where they are still there, or take its other form (bafy…), which has none"
    )]
    CaseLost,
    /// What begins as a CID does and has another length.
    #[error("{}", wrong_length(*.chars, *.expected))]
    WrongLength {
        /// How many characters it has.
        chars: usize,
        /// How many it should have.
        expected: usize,
    },
}

fn wrong_length(chars: usize, expected: usize) -> String {
    let what = if chars < expected { "it was cut off" } else { "there is more than the CID" };
    format!(
        "the length of this CID is wrong: it has {chars} characters instead of {expected}, so {what}; copy it whole and alone"
    )
}

impl FromStr for CidInText {
    type Err = CidTextError;

    fn from_str(text: &str) -> Result<Self, CidTextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CidTextError::Empty);
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(CidTextError::TooLong);
        }
        // Base 45 has spaces and slashes, base 64 slashes.
        if let Ok(cid) = parse(text) {
            return Ok(Self { cid, path: String::new() });
        }
        let mut first_error = CidTextError::NoCid;
        for word in text.split(ends_a_link).filter(|word| !word.is_empty()) {
            match in_word(word) {
                Err(CidTextError::NoCid) => {}
                Err(error) if first_error == CidTextError::NoCid => first_error = error,
                Err(_) => {}
                found => return found,
            }
        }
        Err(first_error)
    }
}

/// White space, what no link contains (RFC 3986), and what nobody sees.
fn ends_a_link(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^' | '“' | '”' | '„' | '«' | '»')
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

fn in_word(word: &str) -> Result<CidInText, CidTextError> {
    let word = without_punctuation(word);
    let found = in_link(word);
    if found != Err(CidTextError::NoCid) {
        return found;
    }
    // `[name](link)`, `cid=…`, `a,b`, `…:CID`.
    let part = parts_of(word).map(in_link).find(|found| *found != Err(CidTextError::NoCid));
    part.unwrap_or_else(|| word.rsplit_once(':').map_or(Err(CidTextError::NoCid), |(_, last)| at_start(last)))
}

/// What a word of several pieces has in it.
fn parts_of(word: &str) -> impl Iterator<Item = &str> {
    let parts = word.split(['(', ')', '[', ']', '=', '&', ',', ';', '\'']);
    parts.filter(|part| part.len() < word.len()).map(without_punctuation)
}

fn all_in_word(word: &str) -> Vec<CidInText> {
    let word = without_punctuation(word);
    let parts: Vec<_> = parts_of(word).filter_map(|part| in_link(part).ok()).collect();
    // A comma may be part of a link's path.
    if parts.len() > 1 { parts } else { in_word(word).into_iter().collect() }
}

fn without_punctuation(word: &str) -> &str {
    let word = word.trim_start_matches(['(', '[', '\'', '‘', '*', '.', ',', ';', ':', '!', '-', '–', '—', '•']);
    let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '’', '*', '…']);
    match word.strip_suffix([')', ']']) {
        // A bracket that was opened in the word belongs to it, as in `a_(b)`.
        Some(shorter) if !shorter.contains(['(', '[']) => without_punctuation(shorter),
        _ => word,
    }
}

fn in_link(link: &str) -> Result<CidInText, CidTextError> {
    let scheme = link.split_once(':').map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    match scheme.as_ref().map(|(scheme, rest)| (scheme.as_str(), *rest)) {
        Some(("ipfs" | "web+ipfs" | "dweb" | "fs", rest)) => below_ipfs(rest),
        Some(("ipns" | "web+ipns", _)) => Err(CidTextError::Ipns),
        Some(("http" | "https", rest)) => from_gateway(rest.trim_start_matches('/')),
        _ => match below_ipfs(link) {
            Err(CidTextError::NoCid) => from_gateway(link),
            found => found,
        },
    }
}

/// `CID/path`, `/ipfs/CID/path`, `//ipfs/CID/path`.
fn below_ipfs(text: &str) -> Result<CidInText, CidTextError> {
    let text = text.trim_start_matches('/');
    match text.split_once('/') {
        Some(("ipns", _)) => Err(CidTextError::Ipns),
        Some(("ipfs", rest)) => at_start(rest.trim_start_matches('/')),
        _ => at_start(text),
    }
}

/// `host/ipfs/CID/path` or `CID.ipfs.host/path`.
fn from_gateway(rest: &str) -> Result<CidInText, CidTextError> {
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if !host.chars().all(|character| character.is_alphanumeric() || "-._:[]".contains(character)) {
        return Err(CidTextError::NoCid);
    }
    let labels = host.to_ascii_lowercase();
    if let Some((label, _)) = labels.split_once(".ipfs.") {
        // As it was pasted first: the capitals of a version 0 may still be there.
        let cid = parse(&host[..label.len()]).or_else(|_| parse(label))?;
        return Ok(CidInText { cid, path: path_of(path) });
    }
    if labels.contains(".ipns.") {
        return Err(CidTextError::Ipns);
    }
    let marked = path.match_indices("/ipfs/").map(|(at, marker)| at_start(&path[at + marker.len()..]));
    if let Some(found) = marked.into_iter().find(|found| *found != Err(CidTextError::NoCid)) {
        return found;
    }
    if path.contains("/ipns/") {
        return Err(CidTextError::Ipns);
    }
    let mut starts = path.match_indices('/').map(|(at, slash)| &path[at + slash.len()..]);
    starts.find_map(unmarked).ok_or(CidTextError::NoCid)
}

/// A segment that is a CID though no `/ipfs/` stands before it, as in the links of explorers and some gateways.
fn unmarked(text: &str) -> Option<CidInText> {
    let segment = text.split(['/', '?', '#']).next().unwrap_or_default();
    (segment.len() >= MIN_UNMARKED_BYTES).then(|| at_start(text).ok()).flatten()
}

fn at_start(text: &str) -> Result<CidInText, CidTextError> {
    let (segment, rest) = text.split_at(text.find(['/', '?', '#']).unwrap_or(text.len()));
    let found = parse(segment);
    if found.is_err() && text.starts_with(['m', 'M']) {
        // Base 64 has slashes of its own.
        let ends = text.match_indices('/').map(|(at, _)| at).chain([text.len()]);
        for end in ends.take_while(|end| *end <= MAX_BASE64_BYTES) {
            if let Ok(cid) = parse(&text[..end]) {
                return Ok(CidInText { cid, path: path_of(&text[end..]) });
            }
        }
    }
    Ok(CidInText { cid: found?, path: path_of(rest) })
}

/// The names in a link's path.
fn path_of(rest: &str) -> String {
    let written = rest.split(['?', '#']).next().unwrap_or_default();
    let decoded = percent_decode_str(written).decode_utf8().unwrap_or(written.into());
    let names: Vec<_> = decoded.split('/').filter(|name| !name.is_empty()).collect();
    names.join("/")
}

/// A text that is a CID and nothing else, that of an IPNS name's key too.
///
/// Unlike the CID's own `FromStr`, it takes no paths and no bytes behind the CID, and its cost has a limit: what is longer
/// than any CID is refused before it is decoded, which takes base 58 time by the square of the length.
///
/// ```
/// use holdfast_content::{CidTextError, parse_cid};
/// assert_eq!(parse_cid("bafkqaaa")?.to_string(), "bafkqaaa");
/// assert_eq!(parse_cid("/ipfs/bafkqaaa"), Err(CidTextError::NoCid));
/// # Ok::<(), CidTextError>(())
/// ```
///
/// # Errors
/// [`CidTextError::Empty`], [`CidTextError::TooLong`], what can be said of a CID that got damaged
/// ([`CidTextError::CaseLost`], [`CidTextError::WrongLength`]), or [`CidTextError::NoCid`] for all else.
pub fn parse_cid(text: &str) -> Result<Cid, CidTextError> {
    match text.len() {
        0 => Err(CidTextError::Empty),
        bytes if bytes > MAX_CID_TEXT_BYTES => Err(CidTextError::TooLong),
        // A multibase of bytes as they are is no text.
        _ if text.starts_with('\0') => Err(CidTextError::NoCid),
        _ => decode(text).ok_or_else(|| damage(text)),
    }
}

/// What may have become of a CID that is none any more.
fn damage(text: &str) -> CidTextError {
    if has_lost_capitals(text) {
        return CidTextError::CaseLost;
    }
    expected_chars(text)
        .map_or(CidTextError::NoCid, |expected| CidTextError::WrongLength { chars: text.len(), expected })
}

fn has_lost_capitals(text: &str) -> bool {
    let is_small = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let starts = [("qm", 46), ("zdj7w", 49), ("zb2rh", 49)];
    is_small && starts.iter().any(|(start, chars)| text.starts_with(start) && text.len() == *chars)
}

/// The same with what phones and host names make of a CID.
fn parse(text: &str) -> Result<Cid, CidTextError> {
    let found = first_letter_small(text).map_or_else(|| parse_cid(text), |small| parse_cid(text).or(parse_cid(&small)));
    let cid = found.map_err(|error| match error {
        CidTextError::Empty | CidTextError::TooLong => CidTextError::NoCid,
        error => error,
    })?;
    if cid.codec() == CODEC_LIBP2P_KEY { Err(CidTextError::Ipns) } else { Ok(cid) }
}

fn decode(text: &str) -> Option<Cid> {
    let is_v0 = text.len() == 46 && text.starts_with("Qm");
    let bytes = if is_v0 { Base::Base58Btc.decode(text) } else { multibase::decode(text).map(|(_, bytes)| bytes) };
    exact_cid(&bytes.ok()?)
}

/// A phone's keyboard writes the first letter of a line as a capital.
fn first_letter_small(text: &str) -> Option<String> {
    let rest = text.strip_prefix('B').filter(|rest| rest.starts_with("af"))?;
    Some(format!("b{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V0: &str = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn";
    const V1: &str = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354";
    const RAW: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

    fn check(text: &str, cid: &str, path: &str) {
        let found: CidInText = text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!((found.cid.to_string().as_str(), found.path.as_str()), (cid, path), "{text:?}");
    }

    fn refused(text: &str, error: &CidTextError) {
        assert_eq!(text.parse::<CidInText>().as_ref(), Err(error), "{text:?}");
    }

    #[test]
    fn a_cid_is_found_in_every_kind_of_link() {
        check(V0, V0, "");
        check(&format!("  {V1}\n"), V1, "");
        check(&format!("{V1}/a/b/"), V1, "a/b");
        check(&format!("ipfs://{V1}/a%20b"), V1, "a b");
        check(&format!("IPFS://{V0}"), V0, "");
        check(&format!("ipfs://ipfs/{V0}"), V0, "");
        check(&format!("ipfs:/ipfs/{V1}"), V1, "");
        check(&format!("ipfs:{V1}"), V1, "");
        check(&format!("web+ipfs://{V1}/a"), V1, "a");
        check(&format!("dweb:/ipfs/{V1}/a"), V1, "a");
        check(&format!("dweb://ipfs/{V1}/a"), V1, "a");
        check(&format!("/ipfs/{V0}/x"), V0, "x");
        check(&format!("ipfs/{V0}/x"), V0, "x");
        check(&format!("https://dweb.link/ipfs/{V1}?filename=x#y"), V1, "");
        check(&format!("http://127.0.0.1:8080/ipfs/{V1}/a"), V1, "a");
        check(&format!("http://[::1]:8080/ipfs/{V1}/a"), V1, "a");
        check(&format!("https://me:secret@host:8443/ipfs/{V1}/a"), V1, "a");
        check(&format!("https://{V1}.ipfs.dweb.link/a/"), V1, "a");
        check(&format!("http://{V1}.ipfs.localhost:8080?x=1"), V1, "");
        check(&format!("https://me@{}.IPFS.dweb.link/a", V1.to_uppercase()), V1, "a");
        check(&format!("https://{V0}.ipfs.dweb.link/a"), V0, "a");
        check(&format!("dweb.link/ipfs/{V1}"), V1, "");
        check(&format!("localhost:8080/ipfs/{V1}/a"), V1, "a");
        check(&format!("{V1}.ipfs.dweb.link"), V1, "");
        check(&format!("https://host/api/gateway/ipfs/{V1}"), V1, "");
        check(&format!("https://host/ipfs/ipfs/{V1}"), V1, "");
        check(&format!("http://127.0.0.1:5001/webui/#/ipfs/{V1}/a"), V1, "a");
        check(&format!("http://127.0.0.1:5001/api/v0/cat?arg={V1}&progress=true"), V1, "");
        check(&format!("https://explore.ipld.io/#/explore/{V1}"), V1, "");
    }

    #[test]
    fn every_cid_of_a_text_is_found_once() {
        let all = |text: &str| -> Vec<(String, String)> {
            let found = cids_in_text(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            found.into_iter().map(|one| (one.cid.to_string(), one.path)).collect()
        };
        let pair = |cid: &str, path: &str| (cid.to_owned(), path.to_owned());
        for text in [
            format!("{V0} {RAW}"),
            format!("{V0},{RAW}"),
            format!("https://gw.example/ipfs/{V0},https://gw.example/ipfs/{RAW}"),
            format!("See ({V0}),\n- [it](ipfs://{RAW}); {RAW}."),
        ] {
            assert_eq!(all(&text), [pair(V0, ""), pair(RAW, "")], "{text:?}");
        }
        let other_form = crate::cid_v1(&V0.parse().unwrap());
        assert_eq!(all(&format!("{V0} {other_form}")), [pair(V0, "")]);
        assert_eq!(all(&format!("ipfs://{V1}/a,b ipfs://{V1}")), [pair(V1, "a,b"), pair(V1, "")]);
        assert_eq!(all(&format!("  {V1}/a b")), [pair(V1, "a")]);
        assert_eq!(cids_in_text("no such thing"), Err(CidTextError::NoCid));
        assert_eq!(cids_in_text(" "), Err(CidTextError::Empty));
        assert!(matches!(cids_in_text(&V1[..40]), Err(CidTextError::WrongLength { .. })));
        assert_eq!(cids_in_text(&format!("{V1} ").repeat(2_000)), Err(CidTextError::TooLong));
    }

    #[test]
    fn a_path_is_read_as_a_gateway_reads_it() {
        check(&format!("https://host/ipfs/{V1}/a%20b/%C3%BC%3F.txt?x#y"), V1, "a b/ü?.txt");
        check(&format!("https://host/ipfs/{V1}//a///b//"), V1, "a/b");
        check(&format!("ipfs://{V1}/a%2Fb"), V1, "a/b");
        check(&format!("ipfs://{V1}/100%/%zz"), V1, "100%/%zz");
        check(&format!("ipfs://{V1}/%ff%20"), V1, "%ff%20");
        check(&format!("ipfs://{V1}/photo_(1).jpg"), V1, "photo_(1).jpg");
        check(&format!("ipfs://{V1}/it's"), V1, "it's");
    }

    #[test]
    fn a_cid_is_read_in_every_multibase() {
        use Base::{
            Base2, Base8, Base10, Base16Lower, Base16Upper, Base32HexLower, Base32HexPadLower, Base32HexPadUpper,
            Base32HexUpper, Base32Lower, Base32PadLower, Base32PadUpper, Base32Upper, Base32Z, Base36Lower,
            Base36Upper, Base45, Base58Btc, Base58Flickr, Base64, Base64Pad, Base64Url, Base64UrlPad, Base256Emoji,
        };
        let bases = [
            Base2,
            Base8,
            Base10,
            Base16Lower,
            Base16Upper,
            Base32Lower,
            Base32Upper,
            Base32PadLower,
            Base32PadUpper,
            Base32HexLower,
            Base32HexUpper,
            Base32HexPadLower,
            Base32HexPadUpper,
            Base32Z,
            Base36Lower,
            Base36Upper,
            Base58Flickr,
            Base58Btc,
            Base64,
            Base64Pad,
            Base64Url,
            Base64UrlPad,
            Base256Emoji,
        ];
        let longest = "bafkrgqbqt3gerhas23vuzrapkdeqf4vu2dwxp3srdj6hvg6nhsug2tgyn6mj3u23yx7utftq3i2ckw2fwdh5qmhid5qf3t35yvkc5e5ottlw6";
        for cid in [V1, RAW, "bafkqaaa", longest] {
            let bytes = Cid::try_from(cid).unwrap().to_bytes();
            for base in bases {
                let text = multibase::encode(base, &bytes);
                check(&text, cid, "");
                check(&format!("ipfs://{text}/a/b"), cid, "a/b");
                check(&format!("https://host/ipfs/{text}/a/b"), cid, "a/b");
                check(&format!("the file {text} is it"), cid, "");
            }
            check(&multibase::encode(Base45, &bytes), cid, "");
        }
        let subdomain = multibase::encode(Base36Lower, Cid::try_from(V1).unwrap().to_bytes());
        check(&format!("https://{subdomain}.ipfs.dweb.link/a"), V1, "a");
        check(&format!("B{}", &V1[1..]), V1, "");
    }

    #[test]
    fn the_first_cid_is_found_in_a_text_of_many_words() {
        for (before, after) in [
            ("<", ">"),
            ("\"", "\""),
            ("'", "'"),
            ("(", ")"),
            ("(see ", ")."),
            ("[", "]"),
            ("`", "`"),
            ("“", "”"),
            ("**", "**"),
            ("", "."),
            ("", ","),
            ("", "!?"),
            ("\u{feff}", "\u{200b}"),
            ("The file is here:\n", "\nand nowhere else.\n"),
            ("[a file](", ") of mine"),
            ("CID: ", ""),
            ("cid=", ""),
            ("- ", ""),
            ("hello,", ",world"),
        ] {
            check(&format!("{before}{V0}{after}"), V0, "");
            check(&format!("{before}ipfs://{V1}/a{after}"), V1, "a");
            check(&format!("{before}https://dweb.link/ipfs/{V1}/a.txt{after}"), V1, "a.txt");
            check(&format!("{before}https://{V1}.ipfs.dweb.link/a{after}"), V1, "a");
        }
        check(&format!("{{\"cid\": \"{V1}\", \"name\": \"x\"}}"), V1, "");
        check(&format!("{{\"/\":\"{V1}\"}}"), V1, "");
        check(&format!("<a href=\"ipfs://{V1}/a\">{RAW}</a>"), V1, "a");
        check(&format!("cid:{V1}"), V1, "");
        check(&format!("{RAW} {V0}\n{V1}"), RAW, "");
        check(&format!("ipns://example.com leads to {V1} now"), V1, "");
        check(&format!("added {V0} photo.jpg"), V0, "");
    }

    #[test]
    fn a_text_without_a_cid_is_refused() {
        refused(" \n", &CidTextError::Empty);
        for text in
            ["hello", "https://example.com/", "Qm", "/ipfs/", "bafy", "https://x.ipfs.y/", "é/é", "://", "\0", "ipfs:"]
        {
            refused(text, &CidTextError::NoCid);
        }
        refused(&"b".repeat(1 << 20), &CidTextError::TooLong);
    }

    #[test]
    fn a_cid_alone_is_read_exactly_and_at_a_limited_cost() {
        for cid in [V0, V1, RAW, "bafkqaaa"] {
            assert_eq!(parse_cid(cid).map(|cid| cid.to_string()).as_deref(), Ok(cid));
            let more = [Cid::try_from(cid).unwrap().to_bytes(), vec![0]].concat();
            let (more, space) = (multibase::encode(Base::Base32Lower, more), format!("{cid} "));
            for text in [&format!("/ipfs/{cid}"), &format!("{cid}/"), &space] {
                assert_eq!(parse_cid(text), Err(CidTextError::NoCid), "{text:?}");
            }
            assert!(parse_cid(&more).is_err(), "{more:?}");
        }
        assert_eq!(parse_cid(""), Err(CidTextError::Empty));
        let started = std::time::Instant::now();
        assert_eq!(parse_cid(&format!("z{}", "2".repeat(8 << 20))), Err(CidTextError::TooLong));
        assert!(started.elapsed().as_secs() < 10);
    }

    #[test]
    fn a_cid_that_was_cut_off_is_refused_as_such_wherever_it_stands() {
        for cid in [V0, V1, RAW] {
            let expected = cid.len();
            for cut in [1, 2, 5, 20] {
                let rest = &cid[..expected - cut];
                let error = CidTextError::WrongLength { chars: rest.len(), expected };
                assert_eq!(parse_cid(rest).as_ref(), Err(&error), "{rest}");
                for text in [
                    rest.to_owned(),
                    format!("/ipfs/{rest}/a"),
                    format!("the file {rest}, it is"),
                    format!("ipfs://{rest}"),
                ] {
                    refused(&text, &error);
                }
            }
            let error = CidTextError::WrongLength { chars: expected + 4, expected };
            refused(&format!("/ipfs/{cid}aaaa/b"), &error);
            assert!(
                error.to_string().contains(&format!("{} characters instead of {expected}", expected + 4)),
                "{error}"
            );
        }
        check(&format!("{} no, {V1}", &V0[..40]), V1, "");
    }

    #[test]
    fn an_ipns_name_is_refused_as_such() {
        let key = "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8";
        for text in [
            "ipns://example.com",
            "web+ipns://example.com/a",
            "/ipns/example.com",
            "https://dweb.link/ipns/example.com/a",
            "https://docs-ipfs-tech.ipns.dweb.link/",
            &format!("ipns://{key}"),
            &format!("/ipfs/{key}"),
            key,
        ] {
            refused(text, &CidTextError::Ipns);
        }
    }

    #[test]
    fn a_version_0_that_lost_its_capitals_is_refused_as_such() {
        let lost = V0.to_lowercase();
        assert_eq!(parse_cid(&lost), Err(CidTextError::CaseLost));
        for text in [lost.clone(), format!("https://{lost}.ipfs.dweb.link/"), format!("ipfs://{lost}")] {
            refused(&text, &CidTextError::CaseLost);
        }
    }

    #[test]
    fn a_text_made_to_cost_much_is_read_at_once() {
        for text in ["z", "m/", "/ipfs/", "z1/", "(", "=z", "https://", "/ipfs/m", "9/ipfs/", ":", "@.ipfs.", "K "] {
            let text = text.repeat(MAX_TEXT_BYTES / text.len());
            let started = std::time::Instant::now();
            assert!(text.parse::<CidInText>().is_err());
            assert!(started.elapsed().as_secs() < 10, "{:?} for {:?}…", started.elapsed(), &text[..8]);
        }
    }
}

//! How filenames that are not ASCII are written by clients that send no UTF-8: extended values (RFC 8187) and encoded words
//! (RFC 2047), which mail has and .NET's forms.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use encoding_rs::Encoding;

/// Some clients leave the padding away.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads `charset'language'percent-encoded`. `None` when it is not that.
pub(super) fn extended_value(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    text(charset, &unescaped(encoded, b'%')?)
}

/// Reads a text that is encoded words and nothing else: `=?charset?B?base64?=` or `=?charset?Q?quoted?=`, with blanks between
/// them that are none of the text. `None` when it is not that.
pub(super) fn encoded_words(value: &str) -> Option<String> {
    if !value.starts_with("=?") {
        return None;
    }
    value.split_ascii_whitespace().map(encoded_word).collect()
}

fn encoded_word(word: &str) -> Option<String> {
    let mut parts = word.strip_prefix("=?")?.strip_suffix("?=")?.split('?');
    let (charset, encoding, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => BASE64.decode(encoded).ok()?,
        "Q" | "q" => unescaped(&encoded.replace('_', " "), b'=')?,
        _ => return None,
    };
    // A language may stand behind an asterisk (RFC 2231, section 5).
    text(charset.split('*').next()?, &bytes)
}

fn text(charset: &str, bytes: &[u8]) -> Option<String> {
    let encoding = Encoding::for_label(charset.as_bytes())?;
    encoding.decode_without_bom_handling_and_without_replacement(bytes).map(Into::into)
}

/// The bytes of a text in which `escape` and two hexadecimal digits stand for one.
fn unescaped(encoded: &str, escape: u8) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == escape { hex(rest.next()?)? << 4 | hex(rest.next()?)? } else { byte });
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_read_in_both_encodings_and_in_any_charset() {
        for (words, text) in [
            ("=?utf-8?B?w7w=?=", "ü"),
            ("=?UTF-8?b?w7w?=", "ü"),
            ("=?utf-8?Q?=C3=bc_=5F?=", "ü _"),
            ("=?iso-8859-1?q?M=FCller.txt?=", "Müller.txt"),
            ("=?utf-8*de?Q?a?=", "a"),
            ("=?utf-8?Q?a_?=  =?koi8-r?B?8g==?=", "a Р"),
            ("=?utf-8?B??=", ""),
        ] {
            assert_eq!(encoded_words(words).as_deref(), Some(text), "{words}");
        }
    }

    #[test]
    fn what_is_not_whole_encoded_words_is_a_name_like_any_other() {
        for name in [
            "",
            "a",
            "=?",
            "=?=",
            "=?utf-8?B?w7w=",
            "=?utf-8?B?w7w=?=.txt",
            "a =?utf-8?B?w7w=?=",
            "=?utf-8?B?w7w=?= a",
            "=?utf-8?X?a?=",
            "=?none-such?Q?a?=",
            "=?utf-8?Q?=4?=",
            "=?utf-8?Q?=+4?=",
            "=?utf-8?Q?=FF?=",
            "=?utf-8?Q?a?b?=",
            "=?utf-8?B?!?=",
        ] {
            assert_eq!(encoded_words(name), None, "{name}");
        }
    }
}

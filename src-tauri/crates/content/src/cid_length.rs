//! What the length of a text says that begins as a CID does and is none.

use cid::multibase::Base;
use multihash_codetable::Code;

use crate::block::HASH_IDENTITY;

/// Shorter than this a word may begin like a CID by chance.
const MIN_CHARS: usize = 20;

/// Kubo's first CIDs: SHA2-256 in base 58.
const V0: (&str, usize) = ("Qm", 46);

/// How CIDs with SHA2-256 begin in bases whose digits are no whole bits, and how long they are.
const OF_SHA2_256: [(&str, Base, usize); 4] = [
    ("zdj7W", Base::Base58Btc, 49),
    ("zb2rh", Base::Base58Btc, 49),
    ("k2jmtx", Base::Base36Lower, 56),
    ("k2cwue", Base::Base36Lower, 56),
];

/// Multicodec `sha1`: it proves nothing, and stands in CIDs nevertheless.
const HASH_SHA1: u64 = 0x11;

/// How many characters a text should have that begins as a CID does, where it has more or fewer.
pub(crate) fn expected_chars(text: &str) -> Option<usize> {
    if text.len() < MIN_CHARS || !text.is_ascii() {
        return None;
    }
    let expected = of_known_start(text).or_else(|| of_header(text))?;
    (expected != text.len()).then_some(expected)
}

fn of_known_start(text: &str) -> Option<usize> {
    let is_written_in = |base: Base| text.get(1..).is_some_and(|digits| base.decode(digits).is_ok());
    if text.starts_with(V0.0) {
        return Base::Base58Btc.decode(text).is_ok().then_some(V0.1);
    }
    let known = OF_SHA2_256.iter().find(|(start, ..)| text.starts_with(start));
    known.and_then(|(_, base, chars)| is_written_in(*base).then_some(*chars))
}

/// What the version, the codec and the hash say with which the text begins, in bases whose digits are whole bits.
fn of_header(text: &str) -> Option<usize> {
    let (base, bits) = match text.as_bytes().first()? {
        b'b' => (Base::Base32Lower, 5),
        b'B' => (Base::Base32Upper, 5),
        b'f' => (Base::Base16Lower, 4),
        b'F' => (Base::Base16Upper, 4),
        b'm' => (Base::Base64, 6),
        b'u' => (Base::Base64Url, 6),
        _ => return None,
    };
    let digits = text.get(1..)?;
    // Eight digits are whole bytes in each of these bases.
    let whole = digits.get(..digits.len() - digits.len() % 8)?;
    let bytes = base.decode(whole).ok()?;
    // What stands behind the last whole eight is looked at as far as it is of the base.
    let is_of_base = |digit: char| base.decode(digit.to_string().repeat(8)).is_ok();
    if !digits.chars().skip(whole.len()).all(is_of_base) {
        return None;
    }
    let mut rest = bytes.as_slice();
    let (version, _codec, hash, size) =
        (varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?);
    let is_hash = matches!(hash, HASH_IDENTITY | HASH_SHA1) || Code::try_from(hash).is_ok();
    if version != 1 || !is_hash || size > 64 {
        return None;
    }
    let bytes = bytes.len() - rest.len() + usize::try_from(size).ok()?;
    Some(1 + (bytes * 8).div_ceil(bits))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in [0, 7, 14] {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use cid::{Cid, multibase};

    use super::*;

    const V0: &str = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn";
    const CIDS: [&str; 5] = [
        "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
        "bafkrcfbkvzwdlskpz62blw7jl5aixhhjd3uen3i",
        "bafk2bzaceaswza5ss4iu2ia3galz6pyo6dfm5f4dmiw2lf2de22dmf4k533ba",
        "bafkrgqbqt3gerhas23vuzrapkdeqf4vu2dwxp3srdj6hvg6nhsug2tgyn6mj3u23yx7utftq3i2ckw2fwdh5qmhid5qf3t35yvkc5e5ottlw6",
    ];

    #[test]
    fn every_cid_that_lost_or_gained_characters_has_another_length_than_it_should() {
        let mut texts = vec![V0.to_owned()];
        for (number, cid) in CIDS.into_iter().enumerate() {
            let Ok(bytes) = Cid::try_from(cid).map(|cid| cid.to_bytes()) else { continue };
            let mut bases =
                vec![Base::Base32Lower, Base::Base32Upper, Base::Base16Lower, Base::Base64, Base::Base64Url];
            if number < 2 {
                bases.extend([Base::Base58Btc, Base::Base36Lower]);
            }
            texts.extend(bases.into_iter().map(|base| multibase::encode(base, &bytes)));
        }
        for text in texts {
            assert_eq!(expected_chars(&text), None, "{text}");
            for cut in MIN_CHARS..text.len() {
                assert_eq!(expected_chars(&text[..cut]), Some(text.len()), "{}", &text[..cut]);
            }
            for more in ["a", "2a", &text[1..]] {
                assert_eq!(expected_chars(&format!("{text}{more}")), Some(text.len()), "{text}{more}");
            }
        }
    }

    #[test]
    fn words_have_no_length_that_they_should_have() {
        for word in [
            "bafybei",
            "baggagehandlersassociation",
            "Qm",
            "QmIsNoDigitOfThisBase0OIl",
            "my-very-long-file-name.txt",
            "filesystemrepresentation",
            "0123456789012345678901234567890123456789",
            "ünïcödeünïcödeünïcöde",
            "a5b8c9d0e1f2a3b4c5d6e7f8",
        ] {
            assert_eq!(expected_chars(word), None, "{word}");
        }
    }
}

//! The forms in which a CID is shown.

use cid::{
    Cid, Version,
    multibase::{self, Base},
};

use crate::block::{CODEC_DAG_PB, HASH_SHA2_256};

/// The CID as version 0 (`Qm…`), where it has one: dag-pb with SHA2-256.
///
/// ```
/// use holdfast_content::{Cid, cid_v0};
/// let cid: Cid = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354".parse()?;
/// assert_eq!(cid_v0(&cid).as_deref(), Some("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn cid_v0(cid: &Cid) -> Option<String> {
    let possible = cid.codec() == CODEC_DAG_PB && cid.hash().code() == HASH_SHA2_256 && cid.hash().size() == 32;
    possible.then(|| Cid::new_v0(*cid.hash()).ok()).flatten().map(|cid| cid.to_string())
}

/// The CID as version 1 in base32 (`baf…`).
///
/// ```
/// use holdfast_content::{Cid, cid_v1};
/// let cid: Cid = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn".parse()?;
/// assert_eq!(cid_v1(&cid), "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn cid_v1(cid: &Cid) -> String {
    // The default is base58 for version 0 only.
    as_v1(cid).to_string()
}

/// The CID as version 1 in base36, the form that is short enough for a DNS label when the hash is long.
///
/// ```
/// use holdfast_content::{Cid, base36};
/// let cid: Cid = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354".parse()?;
/// assert_eq!(base36(&cid), "k2jmtxtlhjl3fhmgndf92e48by79ryjuvqp3y2qgehpao6v3lurvnmcv");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn base36(cid: &Cid) -> String {
    multibase::encode(Base::Base36Lower, as_v1(cid).to_bytes())
}

/// The multihash in hexadecimal, as in the AIOZ API's `root_hash` (`1220…`).
///
/// ```
/// use holdfast_content::{Cid, multihash_hex};
/// let cid: Cid = "bafkqablimvwgy3y".parse()?;
/// assert_eq!(multihash_hex(&cid), "000568656c6c6f");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn multihash_hex(cid: &Cid) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    cid.hash().to_bytes().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Whether two CIDs name the same content: a CIDv0 is the CIDv1 of dag-pb.
///
/// ```
/// use holdfast_content::{Cid, cid_v1, same_content};
/// let v0: Cid = "Qmc1135ziMvmFG534i75E8HpJoLqzLzgKBxfjBV9cBsMAs".parse()?;
/// assert!(same_content(&v0, &cid_v1(&v0).parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn same_content(a: &Cid, b: &Cid) -> bool {
    a.hash() == b.hash() && a.codec() == b.codec()
}

fn as_v1(cid: &Cid) -> Cid {
    match cid.version() {
        Version::V0 => Cid::new_v1(CODEC_DAG_PB, *cid.hash()),
        Version::V1 => *cid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cid_is_shown_in_all_its_forms() {
        let v1 = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354";
        let cid = Cid::try_from("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn").unwrap();
        assert_eq!(cid_v1(&cid), v1);
        assert_eq!(cid_v0(&Cid::try_from(v1).unwrap()), Some(cid.to_string()));
        assert_eq!(Cid::try_from(base36(&cid).as_str()).unwrap(), Cid::try_from(v1).unwrap());
        assert!(multihash_hex(&cid).starts_with("1220"));
    }

    #[test]
    fn only_dag_pb_with_sha2_256_has_a_version_0() {
        let raw = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
        let inlined = "bafyaaaa";
        for text in [raw, inlined] {
            assert_eq!(cid_v0(&Cid::try_from(text).unwrap()), None, "{text}");
        }
    }
}

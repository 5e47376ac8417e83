//! CIDs in what people paste, and the forms in which they are shown.

use std::str::FromStr;

use cid::{
    Cid, Version,
    multibase::{self, Base},
};

use crate::block::{CODEC_DAG_PB, HASH_SHA2_256};

/// The longest text that is searched for a CID.
const MAX_TEXT_BYTES: usize = 8 * 1024;

/// A CID found in a text, with the path behind it.
///
/// ```
/// use holdfast_content::CidInText;
/// let found: CidInText = "https://dweb.link/ipfs/bafkqaaa/a/b?download=1".parse()?;
/// assert_eq!((found.cid.to_string().as_str(), found.path.as_str()), ("bafkqaaa", "a/b"));
/// # Ok::<(), holdfast_content::CidTextError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CidInText {
    /// The CID.
    pub cid: Cid,
    /// What follows it, without slashes at its ends; empty for the CID itself. Percent signs are kept as they are.
    pub path: String,
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
}

impl FromStr for CidInText {
    type Err = CidTextError;

    fn from_str(text: &str) -> Result<Self, CidTextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CidTextError::Empty);
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(CidTextError::NoCid);
        }
        let text = text.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        let candidate = match scheme.map(str::to_ascii_lowercase).as_deref() {
            Some("ipfs") => rest.strip_prefix("ipfs/").unwrap_or(rest),
            Some("http" | "https") => return from_gateway(rest),
            Some(_) => return Err(CidTextError::NoCid),
            None => rest.strip_prefix("ipfs:").unwrap_or(rest).trim_start_matches('/'),
        };
        let candidate = candidate.strip_prefix("ipfs/").unwrap_or(candidate);
        at_start(candidate).or_else(|error| if scheme.is_none() { from_gateway(rest) } else { Err(error) })
    }
}

/// `host/ipfs/CID/path` or `CID.ipfs.host/path`.
fn from_gateway(rest: &str) -> Result<CidInText, CidTextError> {
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some((label, _)) = host.split_once(".ipfs.") {
        return Ok(CidInText { cid: parse(label)?, path: path.trim_matches('/').into() });
    }
    match path.strip_prefix("ipfs/") {
        Some(found) => at_start(found),
        None => path.find("/ipfs/").map_or(Err(CidTextError::NoCid), |at| at_start(&path[at + 6..])),
    }
}

fn at_start(text: &str) -> Result<CidInText, CidTextError> {
    let (cid, path) = text.split_once('/').unwrap_or((text, ""));
    Ok(CidInText { cid: parse(cid)?, path: path.trim_matches('/').into() })
}

fn parse(text: &str) -> Result<Cid, CidTextError> {
    Cid::try_from(text).map_err(|_| CidTextError::NoCid)
}

/// The CID as version 0 (`Qm…`), where it has one: dag-pb with SHA2-256.
#[must_use]
pub fn cid_v0(cid: &Cid) -> Option<String> {
    let possible = cid.codec() == CODEC_DAG_PB && cid.hash().code() == HASH_SHA2_256 && cid.hash().size() == 32;
    possible.then(|| Cid::new_v0(*cid.hash()).ok()).flatten().map(|cid| cid.to_string())
}

/// The CID as version 1 in base32 (`baf…`).
#[must_use]
pub fn cid_v1(cid: &Cid) -> String {
    as_v1(cid).to_string()
}

/// The CID as version 1 in base36, the form that fits a DNS label.
#[must_use]
pub fn base36(cid: &Cid) -> String {
    multibase::encode(Base::Base36Lower, as_v1(cid).to_bytes())
}

/// The multihash in hexadecimal, as in the AIOZ API's `root_hash` (`1220…`).
#[must_use]
pub fn multihash_hex(cid: &Cid) -> String {
    cid.hash().to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
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

    const V0: &str = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn";
    const V1: &str = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354";

    fn check(text: &str, cid: &str, path: &str) {
        let found: CidInText = text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!((found.cid.to_string().as_str(), found.path.as_str()), (cid, path), "{text:?}");
    }

    #[test]
    fn a_cid_is_found_in_anything_a_person_may_paste() {
        check(V0, V0, "");
        check(&format!("  {V1}\n"), V1, "");
        check(&format!("{V1}/a/b/"), V1, "a/b");
        check(&format!("ipfs://{V1}/a%20b"), V1, "a%20b");
        check(&format!("IPFS://{V0}"), V0, "");
        check(&format!("ipfs://ipfs/{V0}"), V0, "");
        check(&format!("ipfs:/ipfs/{V1}"), V1, "");
        check(&format!("/ipfs/{V0}/x"), V0, "x");
        check(&format!("ipfs/{V0}/x"), V0, "x");
        check(&format!("https://dweb.link/ipfs/{V1}?filename=x#y"), V1, "");
        check(&format!("http://127.0.0.1:8080/ipfs/{V1}/a"), V1, "a");
        check(&format!("https://{V1}.ipfs.dweb.link/a/"), V1, "a");
        check(&format!("dweb.link/ipfs/{V1}"), V1, "");
        check(&format!("https://host/api/gateway/ipfs/{V1}"), V1, "");
        let z = multibase::encode(Base::Base58Btc, Cid::try_from(V1).unwrap().to_bytes());
        check(&z, V1, "");
    }

    #[test]
    fn a_text_without_a_cid_is_refused() {
        assert_eq!(" \n".parse::<CidInText>(), Err(CidTextError::Empty));
        for text in
            ["hello", "https://example.com/", "ipns://example.com", "Qm", "/ipfs/", "bafy", "https://x.ipfs.y/", "é/é"]
        {
            assert_eq!(text.parse::<CidInText>(), Err(CidTextError::NoCid), "{text:?}");
        }
        assert_eq!("b".repeat(1 << 20).parse::<CidInText>(), Err(CidTextError::NoCid));
    }

    #[test]
    fn a_cid_is_shown_in_all_its_forms() {
        let cid = Cid::try_from(V0).unwrap();
        assert_eq!(cid_v1(&cid), V1);
        assert_eq!(cid_v0(&Cid::try_from(V1).unwrap()).as_deref(), Some(V0));
        assert_eq!(Cid::try_from(base36(&cid).as_str()).unwrap(), Cid::try_from(V1).unwrap());
        assert!(multihash_hex(&cid).starts_with("1220"));
        let raw = Cid::try_from("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e").unwrap();
        assert_eq!(cid_v0(&raw), None);
    }
}

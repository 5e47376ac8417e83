//! What tells blocks apart.

use cid::{Cid, multihash::Multihash};

use crate::block::{CODEC_DAG_PB, CODEC_RAW, HASH_SHA2_256};

/// A CID without its version, to remember which blocks were met: the codec and the whole multihash, so its code, its length
/// and its digest. Anything less lets who makes a DAG choose which of its blocks are passed over.
///
/// A third of the memory of a CID where the hash is SHA2-256.
///
/// ```
/// use holdfast_content::{BlockName, Cid, cid_v1};
/// let v0: Cid = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn".parse()?;
/// let v1: Cid = cid_v1(&v0).parse()?;
/// assert_eq!(BlockName::of(&v0), BlockName::of(&v1));
/// let raw = Cid::new_v1(0x55, *v0.hash());
/// assert_ne!(BlockName::of(&v0), BlockName::of(&raw));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockName(Name);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    /// A raw block under SHA2-256.
    Raw([u8; 32]),
    /// A node of dag-pb under SHA2-256.
    Node([u8; 32]),
    Other(Box<(u64, Multihash<64>)>),
}

impl BlockName {
    /// The name of the block that `cid` names.
    #[must_use]
    pub fn of(cid: &Cid) -> Self {
        let hash = cid.hash();
        let digest = (hash.code() == HASH_SHA2_256).then(|| <[u8; 32]>::try_from(hash.digest()).ok()).flatten();
        Self(match (cid.codec(), digest) {
            (CODEC_RAW, Some(digest)) => Name::Raw(digest),
            (CODEC_DAG_PB, Some(digest)) => Name::Node(digest),
            (codec, _) => Name::Other(Box::new((codec, *hash))),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_name_is_short_and_differs_in_codec_code_length_and_every_byte_of_the_digest() {
        assert_eq!(size_of::<BlockName>(), 40);
        let digest = [7; 32];
        let mut last_differs = digest;
        last_differs[31] = 8;
        let cids = [
            (CODEC_RAW, HASH_SHA2_256, &digest[..]),
            (CODEC_DAG_PB, HASH_SHA2_256, &digest),
            (0x71, HASH_SHA2_256, &digest),
            (CODEC_RAW, 0x16, &digest),
            (CODEC_RAW, 0x30_0001, &digest),
            (CODEC_RAW, 0x11, &digest[..20]),
            (CODEC_RAW, HASH_SHA2_256, &digest[..16]),
            (CODEC_RAW, HASH_SHA2_256, &digest[..31]),
            (CODEC_RAW, 0, &digest),
            (CODEC_RAW, HASH_SHA2_256, &last_differs),
        ];
        let names = cids
            .map(|(codec, code, digest)| BlockName::of(&Cid::new_v1(codec, Multihash::wrap(code, digest).unwrap())));
        assert_eq!(HashSet::from(names).len(), cids.len());
    }
}

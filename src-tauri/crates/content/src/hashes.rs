//! The hash functions of other people's CIDs. Those that Holdfast makes have SHA2-256, which is in `block`.

use cid::Cid;
use multihash_codetable::{
    Blake2b256, Blake2b512, Blake2s256, Blake3_256, Code, Keccak224, Keccak256, Keccak384, Keccak512, Sha2_256,
    Sha2_512, Sha3_224, Sha3_256, Sha3_384, Sha3_512,
};
use multihash_derive::Hasher;

/// Whether `digest` is the whole digest of `bytes` under the multicodec `code`; `None` when that cannot be said.
pub(crate) fn is_hash_of(code: u64, digest: &[u8], bytes: &[u8]) -> Option<bool> {
    let mut hasher = hasher_for(code, digest.len())?;
    hasher.update(bytes);
    Some(hasher.finalize() == digest)
}

/// Takes the bytes of the block that `cid` names, one piece after the other; `None` where its hash does not prove what was
/// hashed, or is the block itself.
pub(crate) fn hasher_of(cid: &Cid) -> Option<Box<dyn Hasher>> {
    hasher_for(cid.hash().code(), cid.hash().digest().len())
}

fn hasher_for(code: u64, digest_len: usize) -> Option<Box<dyn Hasher>> {
    let function = Code::try_from(code).ok()?;
    if digest_len != digest_bytes(function)? {
        return None;
    }
    Some(match function {
        Code::Sha2_256 => Box::new(Sha2_256::default()),
        Code::Sha2_512 => Box::new(Sha2_512::default()),
        Code::Sha3_224 => Box::new(Sha3_224::default()),
        Code::Sha3_256 => Box::new(Sha3_256::default()),
        Code::Sha3_384 => Box::new(Sha3_384::default()),
        Code::Sha3_512 => Box::new(Sha3_512::default()),
        Code::Keccak224 => Box::new(Keccak224::default()),
        Code::Keccak256 => Box::new(Keccak256::default()),
        Code::Keccak384 => Box::new(Keccak384::default()),
        Code::Keccak512 => Box::new(Keccak512::default()),
        Code::Blake2b256 => Box::new(Blake2b256::default()),
        Code::Blake2b512 => Box::new(Blake2b512::default()),
        Code::Blake2s256 => Box::new(Blake2s256::default()),
        Code::Blake3_256 => Box::new(Blake3_256::default()),
        _ => return None,
    })
}

/// The length of a function's digest, for the functions that Kubo's allowlist has: digests of 128 bits and less can be
/// collided.
const fn digest_bytes(function: Code) -> Option<usize> {
    match function {
        Code::Sha3_224 | Code::Keccak224 => Some(28),
        Code::Sha2_256 | Code::Sha3_256 | Code::Keccak256 | Code::Blake2b256 | Code::Blake2s256 | Code::Blake3_256 => {
            Some(32)
        }
        Code::Sha3_384 | Code::Keccak384 => Some(48),
        Code::Sha2_512 | Code::Sha3_512 | Code::Keccak512 | Code::Blake2b512 => Some(64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use cid::Cid;

    use crate::is_block_of;

    /// Made by Python's hashlib; BLAKE3 and Keccak are the digests that their authors publish.
    const CIDS: [(&str, &[u8]); 12] = [
        ("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", b"hello world"),
        (
            "bafkrgqbqt3gerhas23vuzrapkdeqf4vu2dwxp3srdj6hvg6nhsug2tgyn6mj3u23yx7utftq3i2ckw2fwdh5qmhid5qf3t35yvkc5e5ottlw6",
            b"hello world",
        ),
        ("bafkrohg7w7yyy57jfc5vn6xlfwrhfen5pef4cbc43zc7giilw3cq", b"hello world"),
        ("bafkrmidejpgh4vsdomcatgnkzcphmixtzjy7xiozol6zjiy4hp57etrzha", b"hello world"),
        ("bafkrkmedx7zi3xq3dp2ycadryzsdychfwbn5xa3o77lqwqb6vdvauy2nysmx5mifhkrvsp2zb6oggyyn3efq", b"hello world"),
        (
            "bafkriqeeaadgkpu2zhuvcf5blsivzkvyczrjdduslxu6abhxot7yfvyhtjanjut3dm3smv6gdvdni4bqjsempcfturjhvudu2homx3s5xkuzu",
            b"hello world",
        ),
        ("bafk2bzaceaswza5ss4iu2ia3galz6pyo6dfm5f4dmiw2lf2de22dmf4k533ba", b"hello world"),
        (
            "bafk4bzaciabbz3mhteuwz3ffk6bsvokbuufuuepygr4m6fa7kh4th5stvop3zqc2an6n3pwqnyyjx4zusqwe4wgn6gsg4i3zchgnp7hzpb6ly76q",
            b"hello world",
        ),
        ("bafk6bzacecnoy2agpfcwced6lffr62uknmgjfiglvgwplzpjhtfan54bqe5qw", b"hello world"),
        ("bafkrwigf2jdadbxxem6je7t5wlomoa6a4ualmu6kqittw6723acf3bneoa", b""),
        ("bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi", b""),
        ("bafkqabdumv4hi", b"text"),
    ];

    #[test]
    fn blocks_of_every_hash_in_use_are_told_from_other_bytes() {
        for (text, bytes) in CIDS {
            let cid = Cid::try_from(text).unwrap();
            assert_eq!(is_block_of(&cid, bytes), Some(true), "{text}");
            assert_eq!(is_block_of(&cid, b"hello w0rld"), Some(false), "{text}");
        }
    }

    #[test]
    fn hashes_that_prove_nothing_are_neither_right_nor_wrong() {
        let sha1 = "bafkrcfbkvzwdlskpz62blw7jl5aixhhjd3uen3i";
        let blake2s_128 = "bafk5bzacca355lqce3bq3ivlijfhxdxbj2bq";
        let first_20_bytes_of_sha2_256 = "bafkreffzjut3te2nhyekklss27nh3k72ysco7yy";
        let no_byte_of_sha2_256 = "bafkreaa";
        let no_byte_of_blake3 = "bafkr4aa";
        for text in [sha1, blake2s_128, first_20_bytes_of_sha2_256, no_byte_of_sha2_256, no_byte_of_blake3] {
            assert_eq!(is_block_of(&Cid::try_from(text).unwrap(), b"hello world"), None, "{text}");
        }
    }
}

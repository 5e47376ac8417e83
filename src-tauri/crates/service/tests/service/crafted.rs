//! DAGs that no honest writer makes, as archives.

use holdfast_content::{
    CODEC_DAG_PB, CODEC_RAW, Cid, HASH_SHA2_256,
    car::{car_header, push_car_block},
};
use sha2::{Digest, Sha256};

/// Blocks by their CIDs, the first of which is put first.
#[derive(Default)]
pub(crate) struct Crafted {
    blocks: Vec<(Cid, Vec<u8>)>,
}

/// One link of a node: to what, under which name, and how many bytes of the file it is said to span.
pub(crate) type CraftedLink<'a> = (Cid, &'a str, u64);

impl Crafted {
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Cid {
        self.put(CODEC_RAW, bytes.into())
    }

    /// An inner node of a file.
    pub(crate) fn file(&mut self, links: &[CraftedLink<'_>]) -> Cid {
        let mut message = vec![0x08, 2];
        message.push(0x18);
        varint(&mut message, links.iter().map(|(_, _, bytes)| bytes).sum());
        for (_, _, bytes) in links {
            message.push(0x20);
            varint(&mut message, *bytes);
        }
        self.node(links, &message)
    }

    pub(crate) fn directory(&mut self, links: &[CraftedLink<'_>]) -> Cid {
        self.node(links, &[0x08, 1])
    }

    pub(crate) fn archive(&self, root: &Cid) -> Vec<u8> {
        let mut archive = car_header(&[*root]);
        for (cid, bytes) in &self.blocks {
            push_car_block(&mut archive, cid, bytes);
        }
        archive
    }

    fn node(&mut self, links: &[CraftedLink<'_>], message: &[u8]) -> Cid {
        let mut block = Vec::new();
        for (cid, name, _) in links {
            let mut link = Vec::new();
            field(&mut link, 0x0a, &cid.to_bytes());
            field(&mut link, 0x12, name.as_bytes());
            field(&mut block, 0x12, &link);
        }
        field(&mut block, 0x0a, message);
        self.put(CODEC_DAG_PB, block)
    }

    fn put(&mut self, codec: u64, bytes: Vec<u8>) -> Cid {
        let cid = Cid::new_v1(codec, multihash(HASH_SHA2_256, &Sha256::digest(&bytes)));
        self.blocks.push((cid, bytes));
        cid
    }
}

pub(crate) fn multihash(code: u64, digest: &[u8]) -> cid::multihash::Multihash<64> {
    cid::multihash::Multihash::wrap(code, digest).unwrap()
}

fn field(out: &mut Vec<u8>, key: u8, bytes: &[u8]) {
    out.push(key);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

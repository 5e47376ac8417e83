//! DAGs block by block, right and wrong as no honest writer makes them.

use holdfast_content::{
    CODEC_DAG_PB, CODEC_RAW, Cid, HASH_IDENTITY, HASH_SHA2_256,
    car::{car_header, push_car_block},
};
use sha2::{Digest, Sha256};

/// UnixFS types by their numbers.
pub mod unixfs_type {
    /// Bytes of a file.
    pub const RAW: u64 = 0;
    /// A directory in one node.
    pub const DIRECTORY: u64 = 1;
    /// A file.
    pub const FILE: u64 = 2;
    /// What nobody writes.
    pub const METADATA: u64 = 3;
    /// A symbolic link.
    pub const SYMLINK: u64 = 4;
    /// A part of a directory in many nodes.
    pub const SHARD: u64 = 5;
}

/// Makes the blocks of one DAG.
#[derive(Clone, Debug, Default)]
pub struct Crafted {
    blocks: Vec<(Cid, Vec<u8>)>,
}

/// One link of a node.
#[derive(Clone, Debug)]
pub struct CraftedLink {
    /// To what.
    pub cid: Cid,
    /// Under which name.
    pub name: Vec<u8>,
    /// How many bytes of the file it is said to span.
    pub bytes: u64,
    /// What it says of the size of all blocks below it.
    pub tsize: Option<u64>,
}

/// A UnixFS message.
#[derive(Clone, Debug, Default)]
pub struct CraftedMessage {
    /// One of [`unixfs_type`], or another number.
    pub kind: u64,
    /// Bytes of its own.
    pub data: Option<Vec<u8>>,
    /// The bytes of the file.
    pub size: Option<u64>,
    /// Those of each link.
    pub sizes: Vec<u64>,
    /// Whether these stand in one field.
    pub is_packed: bool,
}

impl CraftedLink {
    /// A link that says of itself what it is.
    #[must_use]
    pub fn new(cid: Cid, name: &str, bytes: u64) -> Self {
        Self { cid, name: name.into(), bytes, tsize: Some(bytes) }
    }
}

impl CraftedMessage {
    /// One that says only what it is.
    #[must_use]
    pub fn of(kind: u64) -> Self {
        Self { kind, ..Self::default() }
    }

    /// As it stands in a node.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![0x08];
        push_varint(&mut out, self.kind);
        if let Some(data) = &self.data {
            push_field(&mut out, 0x12, data);
        }
        if let Some(size) = self.size {
            out.push(0x18);
            push_varint(&mut out, size);
        }
        if self.is_packed {
            let mut packed = Vec::new();
            self.sizes.iter().for_each(|size| push_varint(&mut packed, *size));
            push_field(&mut out, 0x22, &packed);
        } else {
            for size in &self.sizes {
                out.push(0x20);
                push_varint(&mut out, *size);
            }
        }
        out
    }
}

impl Crafted {
    /// A raw block.
    pub fn raw(&mut self, bytes: &[u8]) -> Cid {
        self.put(CODEC_RAW, bytes.into())
    }

    /// A block of any codec; each is there once.
    pub fn put(&mut self, codec: u64, bytes: Vec<u8>) -> Cid {
        let cid = crafted_cid(codec, HASH_SHA2_256, &Sha256::digest(&bytes));
        self.blocks.retain(|(known, _)| *known != cid);
        self.blocks.push((cid, bytes));
        cid
    }

    /// A node of dag-pb.
    pub fn node(&mut self, links: &[CraftedLink], message: &[u8]) -> Cid {
        let mut block = links_of(links);
        push_field(&mut block, 0x0a, message);
        self.put(CODEC_DAG_PB, block)
    }

    /// A node with bytes and without links.
    pub fn leaf(&mut self, kind: u64, bytes: &[u8]) -> Cid {
        let size = Some(bytes.len() as u64);
        self.node(&[], &CraftedMessage { data: Some(bytes.into()), size, ..CraftedMessage::of(kind) }.bytes())
    }

    /// An inner node of a file.
    pub fn file(&mut self, links: &[CraftedLink]) -> Cid {
        let sizes: Vec<_> = links.iter().map(|link| link.bytes).collect();
        let size = Some(sizes.iter().sum());
        self.node(links, &CraftedMessage { size, sizes, ..CraftedMessage::of(unixfs_type::FILE) }.bytes())
    }

    /// A directory.
    pub fn directory(&mut self, links: &[CraftedLink]) -> Cid {
        self.node(links, &CraftedMessage::of(unixfs_type::DIRECTORY).bytes())
    }

    /// A symbolic link.
    pub fn symlink(&mut self, target: &[u8]) -> Cid {
        let data = Some(target.into());
        self.node(&[], &CraftedMessage { data, ..CraftedMessage::of(unixfs_type::SYMLINK) }.bytes())
    }

    /// Leaves out the blocks of which `stays` says so.
    pub fn retain(&mut self, stays: impl Fn(&Cid) -> bool) {
        self.blocks.retain(|(cid, _)| stays(cid));
    }

    /// All blocks, in the order in which they were made last.
    #[must_use]
    pub fn into_blocks(self) -> Vec<(Cid, Vec<u8>)> {
        self.blocks
    }

    /// All blocks as an archive with one root.
    #[must_use]
    pub fn archive(&self, root: &Cid) -> Vec<u8> {
        archive_of(root, &self.blocks)
    }
}

/// Blocks as an archive with one root.
#[must_use]
pub fn archive_of(root: &Cid, blocks: &[(Cid, Vec<u8>)]) -> Vec<u8> {
    let mut archive = car_header(&[*root]);
    for (cid, bytes) in blocks {
        push_car_block(&mut archive, cid, bytes);
    }
    archive
}

/// The CID that is its own block.
#[must_use]
pub fn identity_cid(codec: u64, bytes: &[u8]) -> Cid {
    crafted_cid(codec, HASH_IDENTITY, bytes)
}

/// A CID of any codec, hash code and digest.
#[must_use]
pub fn crafted_cid(codec: u64, code: u64, digest: &[u8]) -> Cid {
    let mut bytes = vec![1];
    for number in [codec, code, digest.len() as u64] {
        push_varint(&mut bytes, number);
    }
    bytes.extend_from_slice(digest);
    Cid::try_from(bytes).unwrap()
}

/// Links as they stand in a node.
#[must_use]
pub fn links_of(links: &[CraftedLink]) -> Vec<u8> {
    let mut block = Vec::new();
    for CraftedLink { cid, name, tsize, .. } in links {
        let mut link = Vec::new();
        push_field(&mut link, 0x0a, &cid.to_bytes());
        push_field(&mut link, 0x12, name);
        if let Some(tsize) = tsize {
            link.push(0x18);
            push_varint(&mut link, *tsize);
        }
        push_field(&mut block, 0x12, &link);
    }
    block
}

/// A field of protobuf with bytes.
pub fn push_field(out: &mut Vec<u8>, key: u8, bytes: &[u8]) {
    out.push(key);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A number of protobuf.
pub fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

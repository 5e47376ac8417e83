//! What one block is, and where its links lead.

use std::sync::Arc;

use cid::Cid;

use super::BlockPlace;
use crate::{
    block::{CODEC_DAG_PB, CODEC_RAW, MAX_BLOCK_BYTES, is_block_of},
    dag_pb::{self, PbNode},
    judge::walk,
    name::{joined, name_as_text},
    unixfs::{self, TYPE_DIRECTORY, TYPE_FILE, TYPE_RAW, TYPE_SHARD},
};

/// A path that is longer than any file system's is not made longer.
const MAX_PATH_BYTES: usize = 4096;

/// What is at a CID.
#[derive(Debug)]
pub enum Looked {
    /// Nothing.
    Missing,
    /// Other bytes than the CID says.
    Damaged,
    /// Bytes of which nothing can be proven here, or whose links cannot be told.
    Unknown,
    /// What the CID says.
    Sound {
        /// Its length.
        bytes: u64,
        /// Where it leads.
        links: Links,
        /// What it is by itself.
        said: Said,
    },
}

/// What a block is by itself, judged.
#[derive(Debug)]
pub struct Said(pub(super) walk::Looked);

/// Where a block's links lead.
#[derive(Debug)]
pub struct Links(Vec<Link>);

#[derive(Debug)]
struct Link {
    cid: Cid,
    leads_to: LeadsTo,
    reach: Reach,
}

#[derive(Debug)]
enum LeadsTo {
    /// More of the same: a file's inside, or a directory's, whose place is that of the node.
    Same,
    /// The same file, so many bytes after where the node's content begins.
    Byte(u64),
    /// An entry of that name.
    Entry(String),
}

/// How much lies behind a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// About one block's worth of content: so many bytes, as its node says.
    Part(u64),
    /// Perhaps more.
    Inner,
}

/// A link, seen from the root.
pub(super) struct Target {
    pub(super) cid: Cid,
    pub(super) place: BlockPlace,
    pub(super) reach: Reach,
}

/// Looks at the bytes that came for a CID.
#[must_use]
pub fn look_at(cid: &Cid, bytes: &[u8]) -> Looked {
    if bytes.len() > MAX_BLOCK_BYTES {
        return Looked::Damaged;
    }
    match is_block_of(cid, bytes) {
        None => return Looked::Unknown,
        Some(false) => return Looked::Damaged,
        Some(true) => {}
    }
    let links = match cid.codec() {
        CODEC_RAW => Vec::new(),
        CODEC_DAG_PB => dag_pb::decode(bytes).map(links_of).unwrap_or_default(),
        _ => return Looked::Unknown,
    };
    Looked::Sound { bytes: bytes.len() as u64, links: Links(links), said: Said(walk::Looked::of(cid, bytes)) }
}

fn links_of(node: PbNode) -> Vec<Link> {
    let message = node.data.as_deref().and_then(|data| unixfs::decode(data).ok()).unwrap_or_default();
    let has_message = node.data.is_some();
    match message.kind {
        TYPE_DIRECTORY => node.links.into_iter().map(|link| entry(link.cid, &link.name, link.tsize)).collect(),
        TYPE_SHARD => {
            let digits = format!("{:X}", message.fanout.unwrap_or(1).saturating_sub(1)).len();
            let child = |link: dag_pb::PbLink| match link.name.get(digits..) {
                Some(name) if !name.is_empty() => entry(link.cid, name, link.tsize),
                _ => Link { cid: link.cid, leads_to: LeadsTo::Same, reach: Reach::Inner },
            };
            node.links.into_iter().map(child).collect()
        }
        TYPE_FILE | TYPE_RAW if has_message => {
            let (mut byte, mut sizes) = (0u64, message.block_bytes.into_iter());
            let child = |link: dag_pb::PbLink| {
                let leads_to = LeadsTo::Byte(byte);
                let size = sizes.next();
                byte = byte.saturating_add(size.unwrap_or_default());
                Link { cid: link.cid, leads_to, reach: reach_of(&link.cid, size) }
            };
            node.links.into_iter().map(child).collect()
        }
        _ => {
            let child = |link: dag_pb::PbLink| {
                let reach = reach_of(&link.cid, None);
                Link { cid: link.cid, leads_to: LeadsTo::Same, reach }
            };
            node.links.into_iter().map(child).collect()
        }
    }
}

fn entry(cid: Cid, name: &[u8], tsize: u64) -> Link {
    let reach = reach_of(&cid, Some(tsize).filter(|size| *size > 0));
    Link { cid, leads_to: LeadsTo::Entry(name_as_text(name).into_owned()), reach }
}

/// A raw block leads nowhere; any other is taken for a part where it says that it is no longer than a block.
fn reach_of(cid: &Cid, said: Option<u64>) -> Reach {
    let most = MAX_BLOCK_BYTES as u64;
    match said {
        Some(bytes) if bytes <= most => Reach::Part(bytes),
        _ if cid.codec() == CODEC_RAW => Reach::Part(most),
        _ => Reach::Inner,
    }
}

impl Links {
    /// The links of a block that stands there.
    pub(super) fn below(self, place: &BlockPlace) -> impl Iterator<Item = Target> {
        let (path, base) = (Arc::clone(&place.path), place.byte.unwrap_or_default());
        self.0.into_iter().map(move |link| {
            let place = match link.leads_to {
                LeadsTo::Same => BlockPlace { path: Arc::clone(&path), byte: None },
                LeadsTo::Byte(byte) => BlockPlace { path: Arc::clone(&path), byte: Some(base.saturating_add(byte)) },
                LeadsTo::Entry(_) if path.len() > MAX_PATH_BYTES => BlockPlace { path: Arc::clone(&path), byte: None },
                LeadsTo::Entry(name) => BlockPlace { path: joined(&path, &name).into(), byte: None },
            };
            Target { cid: link.cid, place, reach: link.reach }
        })
    }
}

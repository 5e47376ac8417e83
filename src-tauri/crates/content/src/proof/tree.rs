//! A directory tree against its DAG.

use std::{collections::BTreeMap, io};

use cid::Cid;
use sha2::{Digest, Sha256};

use super::{
    Difference, DifferenceKind, EntryWord, LocalKind, LocalTree, Verdict,
    fetch::{End, Fetcher, word},
    file, shard, verdict_of,
};
use crate::{
    block::{CODEC_DAG_PB, CODEC_RAW, HASH_SHA2_256},
    dag_pb,
    judge::node::{Block, Node},
    name,
    tree::MAX_TREE_DEPTH,
    unixfs,
};

/// Compares a tree with what `root` names.
pub(super) fn prove(local: &dyn LocalTree, root: &Cid, fetcher: &mut Fetcher<'_>) -> io::Result<Verdict> {
    match (TreeProof { local, fetcher }).directory("", root, 0) {
        Ok(()) => Ok(Verdict::Equal),
        Err(end) => verdict_of(end, "", EntryWord::Directory),
    }
}

struct TreeProof<'a, 'b> {
    local: &'a dyn LocalTree,
    fetcher: &'a mut Fetcher<'b>,
}

impl TreeProof<'_, '_> {
    fn directory(&mut self, path: &str, cid: &Cid, depth: usize) -> Result<(), End> {
        if depth > MAX_TREE_DEPTH {
            return Err(End::Undecided("the directories lie too deep inside one another"));
        }
        if cid.codec() == CODEC_RAW {
            return Err(End::OtherKind(EntryWord::File));
        }
        let block = self.fetcher.block(cid)?;
        let node = match block {
            Block::Node(node @ (Node::Directory(_) | Node::Shard(_))) => node,
            other => return Err(End::OtherKind(word(&other))),
        };
        for (name, kind, child) in self.paired(path, cid, node)? {
            let inside = name::joined(path, &name);
            let (here, compared) = match &kind {
                LocalKind::File => (EntryWord::File, self.file(&inside, &child)),
                LocalKind::Directory => (EntryWord::Directory, self.directory(&inside, &child, depth + 1)),
                LocalKind::Symlink(target) => (EntryWord::Symlink, self.symlink(target, &child)),
            };
            compared.map_err(|end| at(end, inside, here))?;
        }
        Ok(())
    }

    /// What has the same name on both sides; that all names are on both is made sure first.
    fn paired(&mut self, path: &str, cid: &Cid, node: Node) -> Result<Vec<(String, LocalKind, Cid)>, End> {
        let differs = |name: &str, kind| End::Differs(Difference { path: name::joined(path, name), kind });
        let entries = self.local.entries(path)?.into_iter();
        let mut here: BTreeMap<_, _> = entries.map(|entry| (entry.name, (entry.kind, None))).collect();
        shard::entries(self.fetcher, cid, node, &mut |bytes, found| {
            let text = name::name_as_text(bytes);
            match here.get_mut(&*text) {
                Some((_, there @ None)) => *there = Some(found),
                Some(_) => return Err(End::Cannot(*cid, "a directory has a name twice")),
                None => return Err(differs(&text, DifferenceKind::OnlyThere)),
            }
            Ok(())
        })?;
        let pair = |(name, (kind, there)): (String, (LocalKind, Option<Cid>))| match there {
            Some(there) => Ok((name, kind, there)),
            None => Err(differs(&name, DifferenceKind::OnlyHere)),
        };
        here.into_iter().map(pair).collect()
    }

    fn file(&mut self, path: &str, cid: &Cid) -> Result<(), End> {
        let bytes = self.local.open(path)?;
        file::prove(&*bytes, cid, self.fetcher)
    }

    /// A symlink's node is made here; it is fetched only to say what else it is.
    fn symlink(&mut self, target: &[u8], cid: &Cid) -> Result<(), End> {
        if cid.codec() == CODEC_DAG_PB && cid.hash().code() == HASH_SHA2_256 {
            let plain = unixfs::symlink(target);
            let mut with_size = plain.clone();
            with_size.push(0x18);
            dag_pb::write_varint(&mut with_size, target.len() as u64);
            let is = |message: &[u8]| {
                let mut block = Vec::new();
                dag_pb::encode_data(&mut block, message);
                Sha256::digest(&block).as_slice() == cid.hash().digest()
            };
            if is(&plain) || is(&with_size) {
                return Ok(());
            }
        }
        let block = self.fetcher.block(cid)?;
        match block {
            Block::Node(Node::Symlink(theirs)) if theirs == target => Ok(()),
            Block::Node(Node::Symlink(_)) => Err(End::OtherTarget),
            other => Err(End::OtherKind(word(&other))),
        }
    }
}

/// An end inside a directory, with its path.
fn at(end: End, path: String, here: EntryWord) -> End {
    let kind = match end {
        End::FromByte(byte) => DifferenceKind::FromByte(byte),
        End::OtherKind(there) => DifferenceKind::Kind { here, there },
        End::OtherTarget => DifferenceKind::Target,
        End::OtherHash => DifferenceKind::Hash,
        other => return other,
    };
    End::Differs(Difference { path, kind })
}
